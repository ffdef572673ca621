import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { listenFailure } from './listen-failure.ts'

function failure(host: string, port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => resolve(listenFailure(error, { host, port }, '--port')))
    server.listen(port, host, () => server.close(() => reject(new Error('It listens'))))
  })
}

test('A port that is in use is said with its setting', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  expect(await failure('127.0.0.1', port)).toMatchObject({
    code: 'conflict',
    message: `Port ${port} of 127.0.0.1 is in use. Stop what listens there, or choose another by --port.`,
  })
  await new Promise((resolve) => taken.close(resolve))
})

test('An address that the machine does not have is said', async () => {
  expect(await failure('192.0.2.1', 0)).toMatchObject({
    code: 'invalid',
    message: 'This machine has no address 192.0.2.1 to listen at.',
  })
})
