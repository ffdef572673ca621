import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serverEnvironment, serverFlags } from '../src/supervisor/node-flags.ts'
import { closure } from './closure.ts'
import { startServerProcess, tidemillServer } from './server-process.ts'

const SOURCE = join(import.meta.dirname, '../src')

// What a process loads before it does anything is the most of its start, and of its memory while it rests.

test('a command starts with a parser, schemas and the texts of commands; databases and rooms come with what it does', async () => {
  const { files, packages } = await closure(join(SOURCE, 'command-line.ts'))
  expect([...packages].sort()).toEqual(['commander', 'zod'])
  expect(files.size).toBeLessThan(85)
})

test('the server starts without what only some requests need', async () => {
  const { packages } = await closure(join(SOURCE, 'server/server.ts'))
  const context = await closure(join(SOURCE, 'http/open-context.ts'))
  expect([...packages.union(context.packages)].sort()).toEqual([
    '@hono/node-server',
    'commander',
    'croner',
    'es-module-lexer',
    'hono',
    'kysely',
    'pino',
    'zod',
  ])
})

test('the server loads neither what only workers run nor what only gateways serve with', async () => {
  const { files } = await closure(join(SOURCE, 'server/server.ts'))
  expect([...files].filter((file) => file.endsWith('/jobs.ts'))).toEqual(['jobs/jobs.ts'])
  const elsewhere = [
    'benchmarks/evaluate-submission.ts',
    'expectations/validation.ts',
    'ingest/ingest.ts',
    'materialization/materialize.ts',
    'monitoring/judge.ts',
    'pipelines/execute-job.ts',
    'pipelines/registration.ts',
    'pipelines/run-job.ts',
    'point-in-time/training-set.ts',
    'redaction/erase-rows.ts',
    'serving/serving-engine.ts',
    'sources/probe.ts',
  ]
  expect(elsewhere.filter((file) => files.has(file) || !existsSync(join(SOURCE, file)))).toEqual([])
  expect(files.size).toBeLessThan(600)
})

test('a server is started in the same way from the command line as by its supervisor', () => {
  const commandLine = readFileSync(join(SOURCE, '../bin/dev.mjs'), 'utf8')
  const settings = Object.entries(serverEnvironment).map(([name, value]) => `${name}: '${value}'`)
  expect([...serverFlags, ...settings].filter((how) => !commandLine.includes(how))).toEqual([])
})

test('a server that has answered once has kept what Node compiled, even if it is killed then', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-start-'))
  const cache = join(folder, 'compiled')
  const server = await startServerProcess((port) => {
    const command = tidemillServer(join(folder, 'data'), undefined, port)
    return { ...command, folder, env: { ...command.env, NODE_COMPILE_CACHE: cache } }
  })
  await server[Symbol.asyncDispose]()
  expect(readdirSync(cache, { recursive: true }).length).toBeGreaterThan(500)
  rmSync(folder, { recursive: true })
}, 60_000)
