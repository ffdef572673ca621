import { sql, type Kysely } from 'kysely'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../../kernel/errors.ts'
import type { Db, Trx } from './db.ts'

/** Forward only, in this order; a name is never reused. Each is loaded where it has to be applied. */
const migrations = {
  '001-jobs': () => import('./migrations/001-jobs.ts'),
  '002-governance': () => import('./migrations/002-governance.ts'),
  '003-data': () => import('./migrations/003-data.ts'),
  '004-features': () => import('./migrations/004-features.ts'),
  '005-tracking': () => import('./migrations/005-tracking.ts'),
  '006-registry': () => import('./migrations/006-registry.ts'),
  '007-pipelines': () => import('./migrations/007-pipelines.ts'),
  '008-serving': () => import('./migrations/008-serving.ts'),
  '009-rollout': () => import('./migrations/009-rollout.ts'),
  '010-monitoring': () => import('./migrations/010-monitoring.ts'),
  '011-project': () => import('./migrations/011-project.ts'),
  '012-people': () => import('./migrations/012-people.ts'),
  '013-uploads': () => import('./migrations/013-uploads.ts'),
  '014-reviews': () => import('./migrations/014-reviews.ts'),
  '016-imported-models': () => import('./migrations/016-imported-models.ts'),
  '017-importing': () => import('./migrations/017-importing.ts'),
  '015-benchmarks': () => import('./migrations/015-benchmarks.ts'),
  '018-webhooks': () => import('./migrations/018-webhooks.ts'),
  '019-tracking-speed': () => import('./migrations/019-tracking-speed.ts'),
  '020-lineage': () => import('./migrations/020-lineage.ts'),
  '021-search': () => import('./migrations/021-search.ts'),
  '026-online-store': () => import('./migrations/026-online-store.ts'),
  '024-checks': () => import('./migrations/024-checks.ts'),
  '029-feature-usage': () => import('./migrations/029-feature-usage.ts'),
  '030-event-order': () => import('./migrations/030-event-order.ts'),
  '027-on-demand-code': () => import('./migrations/027-on-demand-code.ts'),
  '025-privacy': () => import('./migrations/025-privacy.ts'),
  '035-erasure': () => import('./migrations/035-erasure.ts'),
  '022-sources': () => import('./migrations/022-sources.ts'),
  '023-dataset-versions': () => import('./migrations/023-dataset-versions.ts'),
  '028-row-functions': () => import('./migrations/028-row-functions.ts'),
  '039-feature-lineage': () => import('./migrations/039-feature-lineage.ts'),
  '040-run-search': () => import('./migrations/040-run-search.ts'),
  '041-step-tokens': () => import('./migrations/041-step-tokens.ts'),
  '042-logged-model-points': () => import('./migrations/042-logged-model-points.ts'),
  '043-push-keys': () => import('./migrations/043-push-keys.ts'),
  '046-decision-kinds': () => import('./migrations/046-decision-kinds.ts'),
}

const MIGRATION_LOCK = 840_173

/** WAL is a property of the file, set once by the migrator before anyone else opens it. */
export function prepareSqliteFile(path: string): void {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  database.exec('PRAGMA journal_mode = WAL')
  database.close()
}

/** Brings the database to this program's version, under a lock: each migration once, all or nothing. */
export async function migrate(db: Db): Promise<void> {
  await db.write(async (trx) => {
    if (db.dialect === 'postgres') await sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx)
    const schema = trx as unknown as Kysely<unknown>
    await schema.schema
      .createTable('migration')
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('applied_ms', 'bigint', (c) => c.notNull())
      .execute()
    const applied = await appliedNames(trx)
    refuseUnknown(applied)
    for (const [name, load] of Object.entries(migrations)) {
      if (applied.has(name)) continue
      const { up } = await load()
      await up(schema, db.dialect)
      await sql`INSERT INTO migration (name, applied_ms) VALUES (${name}, ${await db.wallTime(trx)})`.execute(
        trx,
      )
    }
  })
}

/** Roles other than the migrator refuse to work on a database of another version. */
export async function requireCurrent(db: Db): Promise<void> {
  const applied = await appliedNames(db.read).catch(async (error: unknown) => {
    const tables = await db.read.introspection.getTables()
    if (tables.some(({ name }) => name === 'migration')) throw error
    throw new AppError(
      'unavailable',
      'The database is empty. Start the server first, which makes its tables.',
    )
  })
  refuseUnknown(applied)
  const missing = Object.keys(migrations).filter((name) => !applied.has(name))
  if (missing.length === 0) return
  throw new AppError(
    'unavailable',
    `The database is older than this program: it lacks ${missing.join(', ')}. Start the server first, which migrates it.`,
  )
}

async function appliedNames(at: Db['read'] | Trx): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM migration`.execute(at)
  return new Set(rows.map((row) => row.name))
}

function refuseUnknown(applied: ReadonlySet<string>): void {
  const unknown = [...applied].filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length === 0) return
  throw new AppError(
    'unavailable',
    `The database is newer than this program: it has ${unknown.join(', ')}. Use the newer program.`,
  )
}
