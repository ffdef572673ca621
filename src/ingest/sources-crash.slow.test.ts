import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { push, sql } from '../sources/definition.ts'
import { declareDatasets, latestVersion, versionScan } from '../data/data.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const KILLS = 10

/** Pushes rows under keys that count up and says which were acknowledged, or ingests both datasets for ever. */
const PROCESS = `
import { loadConfig } from '${new URL('../kernel/config.ts', import.meta.url).href}'
import { openContext } from '${new URL('../http/open-context.ts', import.meta.url).href}'
import { ingest } from '${new URL('./ingest.ts', import.meta.url).href}'
import { pushRows } from '${new URL('../pushes/pushes.ts', import.meta.url).href}'
import { localOwner } from '${new URL('../kernel/actor.ts', import.meta.url).href}'
const [role, dataDir, databaseUrl, from] = process.argv.slice(1)
const context = await openContext(loadConfig(dataDir, {}, { dataDir, databaseUrl, logLevel: 'silent' }), 'worker')
const caller = { projectId: '${PROJECT_ID}', actor: localOwner }
if (role === 'push') for (let id = Number(from); ; id++) {
  await pushRows(context, { ...caller, dataset: 'visits', key: 'k' + id, rows: [{ id }, { id: -id - 1 }] })
  process.stdout.write(id + '\\n')
} else for (;;) for (const dataset of ['visits', 'orders']) {
  await ingest(context, { ...caller, dataset }).catch((error) => {
    if (!/was first|UNIQUE|duplicate key/.test(error.message)) throw error
  })
  process.stdout.write('-1\\n')
}
`

describeDatabases('sources, while processes are killed', (open) => {
  it('keep every acknowledged push and every row of a query, each exactly once', async () => {
    const context = await open()
    const { dataDir, databaseUrl } = context.config
    const shop = new DatabaseSync(join(dataDir, 'shop.db'))
    shop.exec('PRAGMA journal_mode = WAL; CREATE TABLE purchase (id INTEGER PRIMARY KEY, day INTEGER)')
    await declareDatasets(context, {
      ...CALLER,
      directory: dataDir,
      datasets: [
        dataset('visits', { source: push() }),
        dataset('orders', {
          source: sql({ url: 'sqlite:shop.db', query: 'SELECT id, day FROM purchase', cursor: 'day' }),
        }),
      ],
    })
    let next = 0
    const errors: string[] = []
    const start = (role: 'push' | 'ingest'): ChildProcess => {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', PROCESS, role, dataDir, databaseUrl, String(next)],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        for (const id of text.trim().split('\n')) next = Math.max(next, Number(id) + 1)
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
      return child
    }
    const roles = ['push', 'push', 'ingest', 'ingest'] as const
    const running = roles.map(start)
    const insert = shop.prepare('INSERT INTO purchase (day) VALUES (?)')
    // Many rows share a value of the cursor, and come while it stands there.
    const buying = setInterval(() => insert.run(Math.floor(Date.now() / 500)), 5)
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = kill % roles.length
      await once(running[victim]!.stdout!, 'data')
      await wait(Math.random() * 600)
      const ended = once(running[victim]!, 'exit')
      running[victim]!.kill('SIGKILL')
      await ended
      running[victim] = start(roles[victim]!)
    }
    await Promise.all(running.map((child) => once(child.stdout!, 'data')))
    for (const enough = () => next > 20; !enough();) await once(running[0]!.stdout!, 'data')
    clearInterval(buying)
    for (const child of running) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    expect(errors.filter((text) => !/ExperimentalWarning|--trace-warnings/.test(text))).toEqual([])
    const rowsOf = async (name: string) => {
      await ingest(context, { ...CALLER, dataset: name })
      const version = await latestVersion(context, { projectId: PROJECT_ID, dataset: name })
      return await context.analytics.query(
        `SELECT count(*) AS rows, count(DISTINCT id) AS ids, max(id) AS last FROM (${await versionScan(context, version!)})`,
      )
    }
    const [visits] = await rowsOf('visits')
    // Of a push that was never acknowledged both rows may be there, or none.
    expect(visits!['rows']).toBe(visits!['ids'])
    expect(visits!['rows']).toBe(2 * (Number(visits!['last']) + 1))
    expect(Number(visits!['last'])).toBeGreaterThanOrEqual(next - 1)
    const [orders] = await rowsOf('orders')
    const { n } = shop.prepare('SELECT count(*) AS n FROM purchase').get() as { n: number }
    expect(n).toBeGreaterThan(100)
    expect(orders).toEqual({ rows: n, ids: n, last: n })
    shop.close()
  }, 120_000)
})
