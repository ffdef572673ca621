import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
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
import type { Db } from '../src/ports/db/db.ts'
import { migrate } from '../src/ports/db/migrate.ts'
import { openDb } from '../src/ports/db/open.ts'
import { openOnline } from '../src/ports/online/open.ts'

export const PROJECT_ID = 'default'
export const TEST_TIME_MS = Date.UTC(2001, 0, 15)

/** Environment variables that name a prepared database to copy: a file, and a database of the server of DB_POSTGRES_URL (`database-templates.ts`). */
export const SQLITE_TEMPLATE = 'TEST_SQLITE_TEMPLATE'
export const POSTGRES_TEMPLATE = 'TEST_POSTGRES_TEMPLATE'

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

/** A context of its own on a migrated database (`database-templates.ts`): a temporary folder, a clock that stands still, ids that repeat. */
export async function openTestContext(databaseUrl = 'sqlite', onlineUrl = 'sqlite'): Promise<TestContext> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  const sqlite = databaseUrl === 'sqlite'
  const template = process.env[sqlite ? SQLITE_TEMPLATE : POSTGRES_TEMPLATE]
  const postgres = sqlite ? undefined : await freshPostgres(databaseUrl, template)
  if (sqlite && template) copyFileSync(template, join(dataDir, 'metadata.db'))
  const config = configSchema.parse({
    dataDir,
    databaseUrl: postgres?.url ?? 'sqlite',
    onlineUrl,
    logLevel: 'silent',
    port: 0,
    gatewayPort: 0,
  })
  const db = await openDb(config)
  if (!template) await prepareDatabase(db)
  const analytics = openDuckDb({ memoryLimit: '2GB' })
  const online = await openOnline(config)
  const incoming = join(dataDir, 'artifacts/incoming')
  mkdirSync(incoming, { recursive: true })
  return {
    config,
    db,
    artifacts: fileArtifacts(join(dataDir, 'artifacts'), incoming),
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

/** Migrates an empty database and makes the default project in it. */
export async function prepareDatabase(db: Db): Promise<void> {
  await migrate(db)
  await db.write((trx) => ensureProject(trx, { name: 'default', nowMs: TEST_TIME_MS }))
}

/** A new database on a PostgreSQL server: a copy of another one, or empty. */
export async function freshPostgres(
  url: string,
  template = 'template1',
): Promise<{ name: string; url: string; drop(): Promise<void> }> {
  const name = `tidemill_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
  const admin = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await admin(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { name, url: own.toString(), drop: () => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}
