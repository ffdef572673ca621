import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { importMlflow } from './importing.ts'
import type { ImportLimits } from './limits.ts'
import { MlflowClient } from './mlflow-client.ts'
import { RUN, writeSampleStore } from './sample-store.ts'
import { openServerSource } from './source-server.ts'
import { openSqliteSource } from './source-sqlite.ts'

const OWNER = { projectId: PROJECT_ID, actor: localOwner }
const FILES = '/api/2.0/mlflow-artifacts/artifacts'

let context: TestContext
let server: Server
let handle: (request: IncomingMessage, response: ServerResponse) => void
beforeEach(async () => {
  context = await openTestContext()
  server = createServer((request, response) => handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await context[Symbol.asyncDispose]()
})

async function importFile(file: string, limits: Partial<ImportLimits> = {}) {
  await using source = openSqliteSource(file, { includeDeleted: false, workspace: 'default' })
  return await importMlflow(context, { ...OWNER, source, limits })
}

function sourceOf(answers: (path: string, query: URLSearchParams) => unknown) {
  handle = (request, response) => {
    const url = new URL(request.url!, 'http://localhost')
    response.end(JSON.stringify(answers(url.pathname, url.searchParams)))
  }
  return openServerSource(client(), { includeDeleted: false })
}

function client(): MlflowClient {
  return new MlflowClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { env: {} })
}

it('An import stops at its limits and says which option allows more; run again it brings the rest', async () => {
  const file = writeSampleStore()
  await expect(importFile(file, { runs: 1 })).rejects.toThrow('more than 1 runs')
  await expect(importFile(file, { metricPoints: 500 })).rejects.toThrow('--max-points allows more')
  await expect(importFile(file, { artifactBytes: 5 })).rejects.toThrow('--max-gib allows more')
  const report = await importFile(file)
  expect(report.verification).toEqual({ runs: 2, differences: [] })
  expect(report.counts['artifact files'].skipped).toBe(0)
})

it('A database that names a folder elsewhere on this machine brings none of its files', async () => {
  const file = writeSampleStore()
  const database = new DatabaseSync(file)
  database.prepare('UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?').run('file:///etc', RUN)
  database.close()
  const { skipped } = await importFile(file)
  expect(skipped.map(({ reason }) => reason).join()).toContain(
    'neither beside the database nor in the folder',
  )
  const files = await context.db.read.selectFrom('artifact_file').select('path').execute()
  expect(files.filter(({ path }) => path.includes(RUN))).toEqual([])
})

it('A server that lists without an end is given up', async () => {
  const endless = sourceOf(() => ({
    experiments: [{ experiment_id: '1', name: 'a' }],
    next_page_token: 'same',
  }))
  await expect(endless.listExperiments()).rejects.toThrow('lists experiments without an end')
  let page = 0
  const empty = sourceOf(() => ({ experiments: [], next_page_token: String(page++) }))
  await expect(empty.listExperiments()).rejects.toThrow('lists experiments without an end')
})

it('A folder of artifacts that holds itself, or a file that leads elsewhere, is refused', async () => {
  const deep = sourceOf((path) => (path === FILES ? { files: [{ path: 'again', is_dir: true }] } : {}))
  await expect(deep.artifacts.listFiles('mlflow-artifacts:/0/r/artifacts')).rejects.toThrow('without an end')
  const ofRun = `/srv/mlruns/0/${RUN}/artifacts`
  const ofModel = `file:///srv/mlruns/0/models/m-${RUN}/artifacts`
  for (const root of ['mlflow-artifacts:/0/r/artifacts', ofRun, ofModel])
    for (const path of ['..', '../x', 'a/b', '', '.']) {
      const out = sourceOf(() => ({ files: [{ path, is_dir: false, file_size: 1 }] }))
      await expect(out.artifacts.listFiles(root), `${root} ${path}`).rejects.toThrow('as a file')
    }
  const elsewhere = sourceOf((_, query) => ({
    files: query.has('path') ? [{ path: 'b/x', is_dir: false }] : [{ path: 'a', is_dir: true }],
  }))
  await expect(elsewhere.artifacts.listFiles(ofRun)).rejects.toThrow('as a file')
})

it('A file that is larger than what is left of the limit is cut off while it comes', async () => {
  let sent = 0
  handle = (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
    }
    response.on('drain', more)
    more()
  }
  await expect(client().download('/file', 1_000_000)).rejects.toThrow('more than 1000000 bytes')
  expect(sent).toBeLessThan(50_000_000)
})
