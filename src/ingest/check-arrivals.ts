import {
  judgeDelivery,
  type Delivery,
  validate,
  type ReferencedVersion,
  type Validation,
} from '../expectations/expectations.ts'
import type { CheckResult } from '../expectations/schema.ts'
import { parquetScan, quoteIdentifier } from '../ports/analytics/analytics.ts'
import { mergeSchemas } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { Arrival } from './arrivals.ts'
import { briefColumns, deliveredColumns, sessionFor } from '../summaries/summaries.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { References } from './references.ts'
import { findVersionByNumber, loadSummaryState, versionScan } from '../data/data.ts'
import { listDeliveries } from '../reports/reports.ts'
import type { VersionSummary } from './summarise-version.ts'

/** Holds each arriving file against the expectations. */
export async function checkFiles(
  context: IngestContext,
  plan: IngestPlan,
  arrivals: readonly Arrival[],
  columns: readonly Column[],
): Promise<Validation> {
  const { expect, time } = plan.dataset.definition
  const earlier = await earlierParts(context, plan, arrivals)
  const blobs = [...arrivals.map(({ blob }) => blob), ...earlier.map(({ part }) => part)]
  await using session = await sessionFor(context, blobs)
  return await validate(
    session,
    arrivals.map(({ file, localPath, columns }) => ({ path: file.path, part: localPath, columns })),
    expect,
    {
      columns,
      time,
      nowMs: context.clock.now(),
      history: await historyOf(context, earlier),
      earlierRows: plan.kept
        .map(({ part }) => part)
        .sort(byTime)
        .map(({ rows }) => rows),
      references: await referencedVersions(context, plan.references),
    },
  )
}

/** Holds what arrives as a whole against the expectations, and tells what will be remembered of it. */
export async function checkDelivery(
  context: IngestContext,
  { dataset, parent, arriving }: IngestPlan,
  columns: readonly Column[],
  { version, arrived, facts }: VersionSummary & { facts: Validation['files'] },
): Promise<{ results: CheckResult[]; delivery: Delivery | undefined }> {
  const { expect } = dataset.definition
  const all = deliveredColumns(arrived)
  const times = facts.flatMap(({ maxTimeMs }) => maxTimeMs ?? [])
  const delivery: Delivery | undefined =
    arriving.length === 0
      ? undefined
      : {
          rows: arrived.rows,
          newestMs: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
          arrivedMs: context.clock.now(),
          columns: briefColumns(all),
        }
  const looksBack = expect.some(({ check }) => check === 'anomaly')
  const earlier = looksBack ? await listDeliveries(context.db.read, dataset.id) : []
  const versions = new Map<string, { reference: string; columns: ReturnType<typeof deliveredColumns> }>()
  for (const expectation of expect) {
    if (expectation.check !== 'sameDistribution' || versions.has(String(expectation.reference))) continue
    const { reference } = expectation
    const found =
      reference === 'previous'
        ? parent
        : await findVersionByNumber(context.db.read, dataset.id, reference === 'first' ? 1 : reference)
    if (!found) continue
    versions.set(String(reference), {
      reference: `${dataset.name}@${found.number}`,
      columns: deliveredColumns(await loadSummaryState(context, found)),
    })
  }
  const results = judgeDelivery(expect, {
    columns,
    arrived: { rows: arrived.rows, columns: all },
    deliveries: delivery ? [...earlier, delivery] : [],
    versionRows: version.rows,
    previousRows: parent?.rows,
    versions,
  })
  return { results, delivery }
}

/** The parts that an arriving key may be in: with the time in every key, those alone whose times meet the arriving ones. */
async function earlierParts(
  { analytics }: IngestContext,
  { dataset, kept }: IngestPlan,
  arrivals: readonly Arrival[],
): Promise<IngestPlan['kept']> {
  const { expect, time } = dataset.definition
  const keys = expect.flatMap((e) => (e.check === 'unique' ? [e.columns] : []))
  if (keys.length === 0 || kept.length === 0 || arrivals.length === 0) return []
  if (time === undefined || !keys.every((columns) => columns.includes(time))) return kept
  const column = quoteIdentifier(time)
  const [range] = await analytics.query(
    `SELECT epoch_ms(min(${column})) AS low, epoch_ms(max(${column})) AS high FROM ${parquetScan(arrivals.map(({ localPath }) => localPath))}`,
  )
  const [low, high] = [range!['low'], range!['high']]
  if (typeof low !== 'number' || typeof high !== 'number') return []
  return kept.filter(({ part: { minTimeMs, maxTimeMs } }) =>
    minTimeMs === null || maxTimeMs === null ? false : maxTimeMs >= low && minTimeMs <= high,
  )
}

async function historyOf({ artifacts }: IngestContext, kept: IngestPlan['kept']) {
  if (kept.length === 0) return undefined
  const paths = await Promise.all(kept.map(({ part }) => artifacts.localPath(part.sha256)))
  return {
    scan: `SELECT * FROM ${parquetScan(paths)}`,
    columns: mergeSchemas(kept.map(({ columns }) => columns)),
  }
}

async function referencedVersions(
  context: IngestContext,
  pinned: References,
): Promise<Map<string, ReferencedVersion>> {
  const versions = new Map<string, ReferencedVersion>()
  for (const [name, version] of pinned) {
    const scan = await versionScan(context, version)
    versions.set(name, { reference: `${name}@${version.number}`, columns: version.schema, scan })
  }
  return versions
}

function byTime(a: { maxTimeMs: number | null }, b: { maxTimeMs: number | null }): number {
  return (a.maxTimeMs ?? 0) - (b.maxTimeMs ?? 0)
}
