import { getDataset, getVersion, versionScan } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import {
  parquetScan,
  quoteIdentifier,
  quoteLiteral,
  type Analytics,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import { applyFunction } from './function-table.ts'
import { knownColumnsOf } from '../features/definition.ts'
import { loadOnDemand } from '../vectors/vectors.ts'
import { keyText } from './event-rows.ts'
import { featureValue } from './feature-value.ts'
import { requireKnownInTime, requireKnownSpine } from '../leakage/leakage.ts'
import { requestColumns, type FeatureServiceSpec } from '../features/schema.ts'
import { joinView, type DatasetScan } from './view-join.ts'

/** Where the rows to be described come from: keys, event time, label, request columns, anything else. */
type Spine = { sql: string } | { parquet: string[] }

/** Everything that a training set depends on, as JSON; the parts it reads are local files. */
export interface TrainingSetPlan {
  spec: FeatureServiceSpec
  spine: Spine
  eventTime: string
  /** By name: SQL of the rows, and the time column. Spine SQL reads them by these names. */
  datasets: Record<string, DatasetScan>
  withAges: boolean
}

export interface PlanTrainingSet extends Caller {
  spec: FeatureServiceSpec
  spine: Spine
  /** The spine's column with the moment of prediction; default `event_time`. */
  eventTime?: string
  /** Ids of dataset versions by the dataset's name: all that views and spine read. */
  datasetVersions: Readonly<Record<string, string>>
  /** Adds `<view>__age_ms` for each view: how old the joined row was. */
  withAges?: boolean
}

export interface TrainingSet {
  path: string
  rows: number
  /** How often a function of an on-demand feature or of a view went wrong, as `flight_time output:hour`. */
  violations: Record<string, number>
}

/** Resolves what a training set reads. Throws `invalid` when a view's dataset has no version here. */
export async function planTrainingSet(
  context: Pick<Context, 'db' | 'artifacts'>,
  input: PlanTrainingSet,
): Promise<TrainingSetPlan> {
  const { projectId, actor, spec, spine, eventTime = 'event_time', datasetVersions, withAges = false } = input
  requirePermission(actor, 'view', projectId)
  const missing = spec.views.find(({ dataset }) => datasetVersions[dataset] === undefined)
  if (missing) {
    throw new AppError(
      'invalid',
      `The training set needs a version of ${missing.dataset}, which the view ${missing.view} reads`,
    )
  }
  const datasets: TrainingSetPlan['datasets'] = {}
  for (const [name, id] of Object.entries(datasetVersions)) {
    const { definition } = await getDataset(context, { projectId, name })
    const version = await getVersion(context, { projectId, id })
    const scan = await versionScan(context, version)
    datasets[name] = { scan, time: definition.time ?? null, known: knownColumnsOf(definition) }
  }
  return { spec, spine, eventTime, datasets, withAges }
}

/**
 * Writes the training set: the spine's rows in their order, with each feature as it was known at the row's event time.
 * Of a view's rows with an event time not after the moment (inclusive) and, if the view declares a created timestamp,
 * known by then, the newest counts, unless it is older than the view's ttl. The spine's columns stay, but for those
 * that a feature has the name of. One thread: equal input gives equal bytes. Throws `invalid`, before it reads any rows, when a
 * view or the spine would use a value before it is known.
 */
export async function buildTrainingSet(
  analytics: Analytics,
  plan: TrainingSetPlan,
  { snapshotDirectory, target }: { snapshotDirectory: string; target: string },
): Promise<TrainingSet> {
  const { spec } = plan
  await using session = await analytics.session({ threads: 1 })
  await requireKnown(session, plan)
  const columns = await createSpine(session, plan)
  const violations: Record<string, number> = {}
  for (const [index, view] of spec.views.entries()) {
    await joinView(session, view, index, { ...plan.datasets[view.dataset]!, snapshotDirectory, violations })
  }
  for (const [index, each] of spec.onDemand.entries()) {
    await applyFunction(session, await loadOnDemand(each, snapshotDirectory), {
      from: '__spine',
      into: `__demand${index}`,
      violations,
    })
  }
  await session.execute(
    `COPY (${selectFeatures(plan, columns)}) TO ${quoteLiteral(target)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const [count] = await session.query('SELECT count(*) AS n FROM __spine')
  return { path: target, rows: Number(count!['n']), violations }
}

async function requireKnown(
  session: AnalyticsSession,
  { spec, spine, eventTime, datasets }: TrainingSetPlan,
): Promise<void> {
  await requireKnownInTime(session, spec.views)
  if (!('sql' in spine)) return
  const tables = Object.entries(datasets).map(
    ([name, { time, known = [] }]) => [name, { time: time ?? '', known }] as const,
  )
  await requireKnownSpine(session, spec, { sql: spine.sql, eventTime, tables: new Map(tables) })
}

/** Plans and writes a training set at once. */
export async function trainingSet(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  input: PlanTrainingSet & { snapshotDirectory: string; target: string },
): Promise<TrainingSet> {
  return await buildTrainingSet(context.analytics, await planTrainingSet(context, input), input)
}

/** The table `__spine`: its columns, `__row`, `__ts` (ms) and `__k<i>`, the key of each view as text. */
async function createSpine(session: AnalyticsSession, plan: TrainingSetPlan): Promise<string[]> {
  const { spec, spine, eventTime, datasets } = plan
  for (const [name, { scan }] of Object.entries(datasets)) {
    await session.execute(`CREATE TEMP VIEW ${quoteIdentifier(name)} AS ${scan}`)
  }
  const source = 'sql' in spine ? spine.sql : `SELECT * FROM ${parquetScan(spine.parquet)}`
  const described = await session.query(`DESCRIBE ${source}`)
  const columns = described.map((row) => String(row['column_name']))
  const needed = [
    eventTime,
    ...spec.views.map(({ entityKey }) => entityKey),
    ...requestColumns(spec).map(({ name }) => name),
  ]
  const missing = needed.filter((name) => !columns.includes(name))
  if (missing.length > 0) {
    throw new AppError(
      'invalid',
      `The spine of ${spec.name} has no column ${[...new Set(missing)].join(', ')}. It has ${columns.join(', ')}`,
    )
  }
  const keys = spec.views.map(
    ({ entityKey }, index) => `${keyText(quoteIdentifier(entityKey))} AS __k${index}`,
  )
  const ts = `epoch_ms(CAST(${quoteIdentifier(eventTime)} AS TIMESTAMP)) AS __ts`
  await session.execute(
    `CREATE TEMP TABLE __spine AS SELECT row_number() OVER () AS __row, ${[ts, ...keys].join(', ')}, * FROM (${source})`,
  )
  return columns
}

function selectFeatures(
  { spec, withAges, eventTime }: TrainingSetPlan,
  spineColumns: readonly string[],
): string {
  const names = new Set(spec.features.map(({ name }) => name))
  if (names.has(eventTime))
    throw new AppError('invalid', `A feature of ${spec.name} has the name of the event time, ${eventTime}`)
  const own = spineColumns.filter((name) => !names.has(name)).map((name) => `s.${quoteIdentifier(name)}`)
  const features = spec.features.map((feature) => {
    const alias = quoteIdentifier(feature.name)
    if (feature.from === 'request') return `${featureValue(`s.${alias}`, feature.kind)} AS ${alias}`
    if (feature.from === 'on_demand') {
      return `d${spec.onDemand.findIndex(({ name }) => name === feature.source)}.${alias}`
    }
    const view = spec.views.findIndex((each) => each.view === feature.source)
    const position = spec.views[view]!.features.findIndex(({ name }) => name === feature.name)
    // The joined row has the greatest event time, so the ttl can be applied after the join.
    return `CASE WHEN s.__ts - v${view}.ts <= ${spec.views[view]!.ttlMs} THEN v${view}.f${position} END AS ${alias}`
  })
  const ages = withAges
    ? spec.views.map(({ view }, index) => `s.__ts - v${index}.ts AS ${quoteIdentifier(`${view}__age_ms`)}`)
    : []
  // Tables of the same rows in the same order: put beside each other, not joined.
  const beside = [
    ...spec.views.map((_, index) => `POSITIONAL JOIN __view${index} v${index}`),
    ...spec.onDemand.map((_, index) => `POSITIONAL JOIN __demand${index} d${index}`),
  ]
  return `SELECT ${[...own, ...features, ...ages].join(', ')} FROM __spine s ${beside.join(' ')}`
}
