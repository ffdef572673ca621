import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { lives } from '../../test/crash/processes.ts'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { command } from '../sources/definition.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'

/** Gives ten films of the real list at a time: the cursor is how many it has given. */
const FILMS = `
import { readFileSync, writeFileSync } from 'node:fs'
const films = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const from = Number(process.env.TIDEMILL_CURSOR || 0)
const { cursor, output, deadlineMs } = JSON.parse(readFileSync(process.env.TIDEMILL_CONTEXT, 'utf8'))
if ((cursor ?? '') !== process.env.TIDEMILL_CURSOR || output !== process.env.TIDEMILL_OUTPUT || deadlineMs < Date.now()) process.exit(9)
const next = films.slice(from, from + 10).map((film) => ({ title: String(film.Title), votes: film['IMDB Votes'] }))
if (from >= 30) process.exit(0)
writeFileSync(output, next.map((row) => JSON.stringify(row) + '\\n').join(''))
writeFileSync(process.env.TIDEMILL_CURSOR_OUTPUT, String(from + 10) + '\\n')
`
const MOVIES = join(import.meta.dirname, '../../node_modules/vega-datasets/data/movies.json')
const CALLER = { projectId: PROJECT_ID, actor: localOwner }

let context: TestContext
let folder: string
beforeEach(async () => {
  context = await openTestContext()
  folder = mkdtempSync(join(tmpdir(), 'tidemill-command-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await context[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

async function look(source: ReturnType<typeof command>, signal?: AbortSignal) {
  const definition = dataset('rows', { source })
  await declareDatasets(context, { ...CALLER, directory: folder, datasets: [definition] })
  return await ingest(context, { ...CALLER, dataset: 'rows', ...(signal && { signal }) })
}

async function failure(...[run, options = {}]: Parameters<typeof command>): Promise<string> {
  return await look(command(run, { format: 'csv', ...options })).then(
    ({ state }) => state,
    (error: Error) => error.message,
  )
}

it('is given where it stood, and what it writes comes on top of what is there', async () => {
  writeFileSync(join(folder, 'films.mjs'), FILMS)
  const source = command([process.execPath, 'films.mjs', MOVIES], { format: 'json' })
  for (const rows of [10, 20, 30])
    expect(await look(source)).toMatchObject({
      state: 'created',
      version: { rows, addedRows: 10, parts: rows / 10, sourceCursor: String(rows) },
    })
  expect(await look(source)).toMatchObject({ state: 'unchanged', version: { rows: 30 } })
})

it('replaces all that was there when it is to, and makes no version of the same', async () => {
  const source = (rows: string) =>
    command(`printf 'a\\n${rows}' > "$TIDEMILL_OUTPUT"`, { format: 'csv', mode: 'replace' })
  expect(await look(source('1\\n2\\n'))).toMatchObject({ state: 'created', version: { rows: 2 } })
  expect(await look(source('1\\n2\\n'))).toMatchObject({ state: 'unchanged' })
  expect(await look(source('3\\n'))).toMatchObject({ state: 'created', version: { rows: 1, parts: 1 } })
})

it('makes nothing half: rows that break off, or without a new cursor, or of a command that fails', async () => {
  const rows = `printf 'a\\n1\\n' > "$TIDEMILL_OUTPUT"; printf 5 > "$TIDEMILL_CURSOR_OUTPUT"`
  expect(await failure(`${rows}; echo once >&2; echo 'no access to the warehouse' >&2; exit 3`)).toBe(
    'rows: the command printf ended with exit code 3: no access to the warehouse',
  )
  expect(await failure([process.execPath, '-e', 'warehouse.open()'])).toMatch(
    /ended with exit code 1: ReferenceError: warehouse is not defined$/,
  )
  expect(await failure(`${rows}; kill -9 $$`)).toContain('ended with signal SIGKILL')
  expect(await failure(`printf 'a\\n1\\n' > "$TIDEMILL_OUTPUT"`)).toContain(
    'no new cursor to TIDEMILL_CURSOR_OUTPUT',
  )
  expect(
    await failure(`printf 'a,b\\n1,2\\n3' > "$TIDEMILL_OUTPUT"; printf 5 > "$TIDEMILL_CURSOR_OUTPUT"`),
  ).toBe('rejected')
  expect(await failure(['no-such-program'])).toContain("the command no-such-program can't be started")
  expect(await failure(['true'], { mode: 'replace' })).toContain('wrote no rows to TIDEMILL_OUTPUT')
  expect(await context.db.read.selectFrom('dataset_version').selectAll().execute()).toEqual([])
})

it('is ended with all that it started when it takes too long, writes too much, or is called off', async () => {
  const started = join(folder, 'started')
  const beside = `sleep 60 & echo $! >> ${started}`
  const busy = `${beside}; sleep 60`
  expect(await failure(busy, { timeout: '300ms' })).toBe(
    'rows: the command sleep took longer than 0.3 s and was ended',
  )
  expect(
    await failure(`${beside}; head -c 100000 /dev/zero > "$TIDEMILL_OUTPUT"; sleep 60`, { maxBytes: 50_000 }),
  ).toContain('wrote more than 50000 bytes')
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('the worker stops')), 100)
  await expect(look(command(busy), controller.signal)).rejects.toThrow('the worker stops')
  const pids = readFileSync(started, 'utf8').trim().split('\n').map(Number)
  await expect.poll(() => pids.filter(lives)).toEqual([])
})

it('gets the secrets that it names of the worker’s environment and what every program needs, and no shell unless it is a text', async () => {
  vi.stubEnv('TIDEMILL_SECRETS_KEY', 'sesame')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'open')
  vi.stubEnv('SHOP_KEY', 'mill')
  const print = `env > ${join(folder, 'env')}; printf '%s' "$1" >> ${join(folder, 'env')}`
  await look(command(['/bin/sh', '-c', print, 'sh', '$HOME; echo'], { secrets: ['SHOP_KEY'] }))
  const seen = readFileSync(join(folder, 'env'), 'utf8')
  expect(seen).toContain('SHOP_KEY=mill')
  expect(seen).toContain(`PATH=${process.env['PATH']}`)
  expect(seen).not.toMatch(/sesame|open/)
  expect(seen).toMatch(/\$HOME; echo$/)
  expect(await failure('echo "no $SHOP_KEY" >&2; exit 1', { secrets: ['SHOP_KEY'] })).toContain('no •••')
  expect(await failure('true', { secrets: ['NOT_THERE'] })).toContain('The secret NOT_THERE is not set')
  expect(() => command('true', { secrets: ['TIDEMILL_SECRETS_KEY'] })).toThrow('for nobody else')
})
