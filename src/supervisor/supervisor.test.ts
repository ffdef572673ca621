import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { configSchema } from '../kernel/config.ts'
import { Supervisor } from './supervisor.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-supervisor-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('A port that is in use ends `up` at once with what to do; later it starts, and a role that died is told of', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  const settings = { dataDir: folder, logLevel: 'silent', port: 0 }
  const notices: string[] = []
  await expect(
    Supervisor.start(configSchema.parse({ ...settings, gatewayPort: port })),
  ).rejects.toMatchObject({
    code: 'conflict',
    message: `Port ${port} of 127.0.0.1 is in use. Stop what listens there, or choose another by --gateway-port or TIDEMILL_GATEWAY_PORT.`,
  })
  await new Promise((resolve) => taken.close(resolve))

  await using supervisor = await Supervisor.start(
    configSchema.parse({ ...settings, gatewayPort: 0 }),
    (notice) => notices.push(notice),
  )
  const back = supervisor.restarted('worker')
  process.kill(supervisor.pid('worker')!, 'SIGKILL')
  await back
  expect(notices).toEqual(['The worker ended by SIGKILL; it is started again.'])
}, 60_000)
