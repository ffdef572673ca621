import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configSchema } from '../kernel/config.ts'
import { openContext, openStored } from './open-context.ts'
import { vegaFile } from '../../test/real-datasets.ts'

test('A data folder that a server has just made is one to work in; an empty folder is not, and stays empty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-stored-'))
  const config = configSchema.parse({ dataDir: join(folder, 'data'), logLevel: 'silent' })
  await expect(openStored(config)).rejects.toMatchObject({ code: 'not_found' })
  await (await openContext(config, 'server'))[Symbol.asyncDispose]()
  await using context = await openStored(config)
  expect(context.config.dataDir).toBe(join(folder, 'data'))
  rmSync(folder, { recursive: true, force: true })
})

test('What DuckDB wrote to disk for a server that was killed goes with the next start', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-spilled-'))
  const config = configSchema.parse({ dataDir, logLevel: 'silent' })
  const script = `
    import { configSchema } from '${new URL('../kernel/config.ts', import.meta.url).href}'
    import { openContext } from '${new URL('./open-context.ts', import.meta.url).href}'
    const { analytics } = await openContext(configSchema.parse(${JSON.stringify({ dataDir, logLevel: 'silent' })}), 'server')
    await using session = await analytics.session()
    await session.execute("SET memory_limit = '60MB'")
    await session.execute("CREATE TEMP TABLE sorted AS FROM '${vegaFile('flights-3m.parquet')}' ORDER BY delay, date")
    process.stdout.write('spilled')
    setInterval(() => undefined, 60_000)`
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(server.stdout, 'data')
  const spilled = readdirSync(join(dataDir, 'tmp'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.tmp'),
  )
  expect(spilled.length).toBeGreaterThan(0)
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
  await (await openContext(config, 'server'))[Symbol.asyncDispose]()
  for (const name of spilled) expect(existsSync(join(dataDir, 'tmp', name))).toBe(false)
  expect(readdirSync(join(dataDir, 'tmp'))).toEqual(['lock.db'])
  rmSync(dataDir, { recursive: true, force: true })
}, 120_000)
