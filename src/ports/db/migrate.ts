import { sql, type Kysely } from 'kysely'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../../kernel/errors.ts'
import type { Db, Trx } from './db.ts'
import * as jobs from './migrations/001-jobs.ts'
import * as governance from './migrations/002-governance.ts'
import * as data from './migrations/003-data.ts'
import * as features from './migrations/004-features.ts'
import * as tracking from './migrations/005-tracking.ts'
import * as registry from './migrations/006-registry.ts'
import * as pipelines from './migrations/007-pipelines.ts'
import * as serving from './migrations/008-serving.ts'
import * as rollout from './migrations/009-rollout.ts'
import * as monitoring from './migrations/010-monitoring.ts'
import * as project from './migrations/011-project.ts'
import * as people from './migrations/012-people.ts'
import * as uploads from './migrations/013-uploads.ts'
import * as reviews from './migrations/014-reviews.ts'
import * as importedModels from './migrations/016-imported-models.ts'
import * as importing from './migrations/017-importing.ts'
import * as benchmarks from './migrations/015-benchmarks.ts'
import * as webhooks from './migrations/018-webhooks.ts'
import * as trackingSpeed from './migrations/019-tracking-speed.ts'
import * as lineage from './migrations/020-lineage.ts'
import * as search from './migrations/021-search.ts'
import * as onlineStore from './migrations/026-online-store.ts'
import * as rowFunctions from './migrations/028-row-functions.ts'
import * as checks from './migrations/024-checks.ts'
import * as featureUsage from './migrations/029-feature-usage.ts'
import * as eventOrder from './migrations/030-event-order.ts'
import * as onDemandCode from './migrations/027-on-demand-code.ts'
import * as privacy from './migrations/025-privacy.ts'
import * as erasure from './migrations/035-erasure.ts'
import * as sources from './migrations/022-sources.ts'
import * as datasetVersions from './migrations/023-dataset-versions.ts'
import * as featureLineage from './migrations/039-feature-lineage.ts'

/** Forward only, in this order; a name is never reused. */
const migrations = {
  '001-jobs': jobs.up,
  '002-governance': governance.up,
  '003-data': data.up,
  '004-features': features.up,
  '005-tracking': tracking.up,
  '006-registry': registry.up,
  '007-pipelines': pipelines.up,
  '008-serving': serving.up,
  '009-rollout': rollout.up,
  '010-monitoring': monitoring.up,
  '011-project': project.up,
  '012-people': people.up,
  '013-uploads': uploads.up,
  '014-reviews': reviews.up,
  '016-imported-models': importedModels.up,
  '017-importing': importing.up,
  '015-benchmarks': benchmarks.up,
  '018-webhooks': webhooks.up,
  '019-tracking-speed': trackingSpeed.up,
  '020-lineage': lineage.up,
  '021-search': search.up,
  '026-online-store': onlineStore.up,
  '024-checks': checks.up,
  '029-feature-usage': featureUsage.up,
  '030-event-order': eventOrder.up,
  '027-on-demand-code': onDemandCode.up,
  '025-privacy': privacy.up,
  '035-erasure': erasure.up,
  '022-sources': sources.up,
  '023-dataset-versions': datasetVersions.up,
  '028-row-functions': rowFunctions.up,
  '039-feature-lineage': featureLineage.up,
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
    for (const [name, up] of Object.entries(migrations)) {
      if (applied.has(name)) continue
      await up(schema, db.dialect)
      await sql`INSERT INTO migration (name, applied_ms) VALUES (${name}, ${await db.wallTime(trx)})`.execute(
        trx,
      )
    }
  })
}

/** Roles other than the migrator refuse to work on a database of another version. */
export async function requireCurrent(db: Db): Promise<void> {
  const applied = await appliedNames(db.read)
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
