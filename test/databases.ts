import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterEach, describe } from 'vitest'
import { ensureProject } from '../src/governance/governance.ts'
import type { Context } from '../src/http/context.ts'
import { ManualClock } from '../src/kernel/clock.ts'
import { configSchema } from '../src/kernel/config.ts'
import { seededIds } from '../src/kernel/ids.ts'
import { openDuckDb } from '../src/ports/analytics/duckdb.ts'
import { fileArtifacts } from '../src/ports/artifacts/files.ts'
import { migrate } from '../src/ports/db/migrate.ts'
import { openDb } from '../src/ports/db/open.ts'
import { openOnline } from '../src/ports/online/open.ts'

export const PROJECT_ID = 'default'
export const TEST_TIME_MS = Date.UTC(2001, 0, 15)

export interface TestContext extends Context {
  readonly clock: ManualClock
}

/** Runs a suite on SQLite, and on PostgreSQL too when DB_POSTGRES_URL names a server. */
export function describeDatabases(name: string, suite: (open: () => Promise<TestContext>) => void): void {
  const postgresUrl = process.env['DB_POSTGRES_URL']
  const databases = postgresUrl ? ['sqlite', postgresUrl] : ['sqlite']
  for (const url of databases) {
    describe(`${name} (${url === 'sqlite' ? 'sqlite' : 'postgres'})`, () => {
      const opened: TestContext[] = []
      afterEach(async () => {
        for (const context of opened.splice(0)) await context[Symbol.asyncDispose]()
      })
      suite(async () => {
        const context = await openTestContext(url)
        opened.push(context)
        return context
      })
    })
  }
}

/** A fresh, migrated context of its own: a temporary folder, a clock that stands still, ids that repeat. */
export async function openTestContext(databaseUrl = 'sqlite', onlineUrl = 'sqlite'): Promise<TestContext> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  const postgres = databaseUrl === 'sqlite' ? undefined : await freshPostgres(databaseUrl)
  const config = configSchema.parse({
    dataDir,
    databaseUrl: postgres?.url ?? 'sqlite',
    onlineUrl,
    logLevel: 'silent',
    port: 0,
    gatewayPort: 0,
  })
  const db = await openDb(config)
  await migrate(db)
  await db.write((trx) => ensureProject(trx, { name: 'default', nowMs: TEST_TIME_MS }))
  const analytics = openDuckDb({ memoryLimit: '2GB' })
  const online = await openOnline(config)
  return {
    config,
    db,
    artifacts: fileArtifacts(join(dataDir, 'artifacts')),
    analytics,
    online,
    clock: new ManualClock(TEST_TIME_MS),
    ids: seededIds(dataDir),
    log: pino({ level: 'silent' }),
    async [Symbol.asyncDispose]() {
      await analytics[Symbol.asyncDispose]()
      await online[Symbol.asyncDispose]()
      await db[Symbol.asyncDispose]()
      await postgres?.drop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** A new, empty database on a PostgreSQL server. */
export async function freshPostgres(url: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `tidemill_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
  const admin = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await admin(`CREATE DATABASE ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.toString(), drop: () => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}
