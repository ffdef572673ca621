import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireOwnServer, type ServerPlace } from './whose-server.ts'

const other: ServerPlace = { folder: '/home/ana/fraud', dataDir: '/home/ana/fraud/.tidemill' }
const answers: { place: ServerPlace } = { place: other }
const server = createServer((request, response) => {
  response.writeHead(request.url === '/api/v1/server' ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answers.place))
})
let url = ''
let folder = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  folder = mkdtempSync(join(tmpdir(), 'tidemill-whose-'))
})

afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

async function said(place: ServerPlace): Promise<string[]> {
  answers.place = place
  const sentences: string[] = []
  await requireOwnServer(url, { folder, dataDir: join(folder, '.tidemill') }, (text) => sentences.push(text))
  return sentences
}

test('a command in a folder of no project says which server it asks, where that works elsewhere', async () => {
  expect(await said(other)).toEqual([`Asking the server at ${url}, that of /home/ana/fraud.`])
  expect(await said({ folder: null, dataDir: null })).toEqual([`Asking the server at ${url}.`])
})

test('a server of this folder, or of its data folder, is asked without a word', async () => {
  expect(await said({ folder, dataDir: '/elsewhere' })).toEqual([])
  expect(await said({ folder: '/elsewhere', dataDir: join(folder, '.tidemill') })).toEqual([])
})

test('the folder of a project never reaches the server of another one by itself', async () => {
  writeFileSync(join(folder, 'tidemill.config.ts'), '')
  await expect(said(other)).rejects.toMatchObject({
    code: 'conflict',
    message:
      `No \`tidemill up\` runs in this folder. Another server answers at ${url}, that of /home/ana/fraud: start this ` +
      `folder's own with \`tidemill up\`, or name that one with --server ${url}.`,
  })
  expect(await said({ folder, dataDir: '/elsewhere' })).toEqual([])
})
