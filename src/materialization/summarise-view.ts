import { getDataset, getVersion, versionScan } from '../data/data.ts'
import { presentSummary, summarise } from '../summaries/summaries.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { Column } from '../sources/schema.ts'
import { openOnlineSource } from './online-source.ts'
import { newestRows, windowsUntil } from '../point-in-time/point-in-time.ts'
import type { Feature, ViewSpec } from '../features/schema.ts'
import { findView } from '../features/features.ts'
import { findMaterialization } from './store.ts'
import { upsertSummary } from './store-summaries.ts'

type SummariseContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'config' | 'log' | 'clock'>

/**
 * Summarises what a view gives for its keys at the moment up to which it is online: of each key the newest row that is not older than the ttl,
 * computed from the data that were brought online. Does nothing before a view was brought online. Idempotent.
 */
export async function summariseView(
  context: SummariseContext,
  input: { projectId: string; view: string; definitionHash: string; signal?: AbortSignal },
): Promise<void> {
  const { db, clock } = context
  const { projectId } = input
  const stored = await findView(db.read, projectId, input.view, input.definitionHash)
  if (!stored) throw new AppError('not_found', `There is no feature view ${input.view} of this definition`)
  const { spec, codeSnapshot } = stored
  const online = await findMaterialization(db.read, projectId, spec)
  if (!online) return
  const untilMs = online.cursor_ms
  const fromMs = untilMs - spec.ttlMs
  const scan = await scanOf(context, {
    projectId,
    spec,
    versionId: online.dataset_version_id,
    fromMs,
    untilMs,
  })
  await using session = await context.analytics.session()
  await using source = await openOnlineSource(context, { spec, codeSnapshot, signal: input.signal }, scan)
  await session.execute(`CREATE TEMP TABLE __rows AS ${source.sql}`)
  const newest = spec.aggregates
    ? windowsUntil(spec, '__rows', untilMs)
    : newestRows(spec, 'SELECT * FROM __rows', { fromMs, untilMs })
  await session.execute(
    `CREATE TEMP TABLE __now AS SELECT ${spec.features.map(valueOf).join(', ')} FROM (${newest})`,
  )
  const state = await summarise(session, 'SELECT * FROM __now', spec.features.map(toColumn))
  await db.write((trx) =>
    upsertSummary(trx, {
      projectId,
      spec,
      fromMs,
      toMs: untilMs,
      datasetVersionId: online.dataset_version_id,
      summary: presentSummary(state),
      nowMs: clock.now(),
    }),
  )
}

async function scanOf(
  context: SummariseContext,
  input: { projectId: string; spec: ViewSpec; versionId: string; fromMs: number; untilMs: number },
): Promise<string> {
  const { projectId, spec, versionId, fromMs, untilMs } = input
  const version = await getVersion(context, { projectId, id: versionId })
  const { definition } = await getDataset(context, { projectId, name: spec.dataset })
  const isWhole = spec.lookbackMs === null || definition.time === undefined
  return await versionScan(context, version, isWhole ? {} : { fromMs: fromMs - spec.lookbackMs!, untilMs })
}

const COLUMN_TYPE = { number: 'DOUBLE', category: 'VARCHAR', timestamp: 'TIMESTAMP' } as const

function toColumn({ name, kind }: Feature): Column {
  return { name, type: COLUMN_TYPE[kind] }
}

function valueOf({ name, kind }: Feature, index: number): string {
  const value = kind === 'timestamp' ? `make_timestamp(CAST(f${index} AS BIGINT) * 1000)` : `f${index}`
  return `${value} AS ${quoteIdentifier(name)}`
}

export interface ViewSummary {
  /** Values of (fromMs, toMs] count: those that are not older than the ttl at `toMs`. */
  fromMs: number
  toMs: number
  datasetVersionId: string
  summary: DatasetSummary
}
