import { join } from 'node:path'
import {
  type Feature,
  type FeatureServiceSpec,
  type FeatureValue,
  requestColumns,
} from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import {
  parquetScan,
  quoteIdentifier,
  quoteLiteral,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import { predictionScan } from '../prediction-log/prediction-log.ts'

/** Rows that a version answered or shadowed; not those of models served elsewhere. */
const VARIANTS = ['stable', 'canary', 'shadow', 'pinned', 'fallback']

/** Rows of the log that are to be computed again, each with what was served. */
export interface Sample {
  /** Parquet: `__sample`, `__at`, keys and fields of requests. */
  spine: string
  rows: SampledRow[]
}

interface SampledRow {
  predictionId: string
  timeMs: number
  hourMs: number
  request: Readonly<Record<string, FeatureValue>>
  ages: Readonly<Record<string, number | null>>
  /** In the order of the service's features. */
  served: FeatureValue[]
}

export interface TakeSample {
  projectId: string
  deployment: string
  model: string
  version: number
  spec: FeatureServiceSpec
  hours: readonly number[]
  rowsPerHour: number
  folder: string
}

/**
 * A random sample of what a version served, the same each time: of each hour the rows whose hash with the window's name is
 * least. Only rows whose request was logged can be computed again.
 */
export async function takeSample(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  input: TakeSample,
): Promise<Sample> {
  const { spec, folder } = input
  await using session = await context.analytics.session()
  await createSample(context, session, input)
  const spine = join(folder, 'spine.parquet')
  const columns = spineColumns(spec)
  await session.execute(
    `COPY (SELECT ${['__sample', 'make_timestamp(time_ms * 1000) AS __at', ...columns].join(', ')} FROM __taken ORDER BY __sample)
      TO ${quoteLiteral(spine)} (FORMAT parquet)`,
  )
  return { spine, rows: await readRows(session, spec) }
}

async function createSample(
  context: Pick<Context, 'db' | 'artifacts'>,
  session: AnalyticsSession,
  { projectId, deployment, model, version, spec, hours, rowsPerHour }: TakeSample,
): Promise<void> {
  const fromMs = Math.min(...hours)
  const toMs = Math.max(...hours) + HOUR_MS
  const scan = await predictionScan(context, { projectId, deployment, fromMs, toMs })
  const features = spec.features.map(({ name, kind }) => {
    const column = quoteIdentifier(`f_${name}`)
    return { column, type: kind === 'category' ? 'VARCHAR' : 'DOUBLE' }
  })
  // Older files have no requests, and a feature's column may be missing or of another kind in them.
  const empty = [
    'NULL::VARCHAR AS request',
    ...features.map(({ column, type }) => `NULL::${type} AS ${column}`),
  ]
  const served = features.map(({ column, type }, index) => `TRY_CAST(${column} AS ${type}) AS s${index}`)
  const seed = `${deployment}/${model}/${version}`
  await session.execute(`CREATE TEMP TABLE __taken AS
    SELECT row_number() OVER (ORDER BY time_ms, prediction_id) AS __sample, prediction_id, time_ms,
      time_ms - time_ms % ${HOUR_MS} AS hour_ms, feature_ages, request, ${served.join(', ')}
    FROM (
      SELECT * FROM (
        SELECT ${empty.join(', ')} WHERE false UNION ALL BY NAME SELECT * FROM ${scan})
      WHERE model = ${quoteLiteral(model)} AND version = ${version} AND status = 'ok' AND request IS NOT NULL
        AND variant IN (${VARIANTS.map(quoteLiteral).join(', ')})
        AND time_ms - time_ms % ${HOUR_MS} IN (${hours.join(', ')})
      QUALIFY row_number() OVER (
        PARTITION BY time_ms // ${HOUR_MS} ORDER BY md5(${quoteLiteral(seed)} || prediction_id), prediction_id) <= ${rowsPerHour})`)
}

/** What a spine of the service needs, as SQL over the sample: fields of requests by their kind, keys of entities as text. */
function spineColumns(spec: FeatureServiceSpec): string[] {
  const keys = [...new Set(spec.views.map(({ entityKey }) => entityKey))]
  const fields = requestColumns(spec)
  const missing = keys.filter((key) => !fields.some(({ name }) => name === key))
  return [...fields, ...missing.map((name): Feature => ({ name, kind: 'category' }))].map((field) => {
    // A field that is a feature as it is was logged as one, and as nothing else unless it is a key too.
    const place = keys.includes(field.name)
      ? -1
      : spec.features.findIndex(({ name, from }) => name === field.name && from === 'request')
    return `${place < 0 ? requestField(field) : asKind(`s${place}`, field.kind)} AS ${quoteIdentifier(field.name)}`
  })
}

function requestField({ name, kind }: Feature): string {
  const pointer = quoteLiteral(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  return asKind(`json_extract_string(request, ${pointer})`, kind)
}

function asKind(column: string, kind: Feature['kind']): string {
  if (kind === 'category') return column
  const number = `TRY_CAST(${column} AS DOUBLE)`
  return kind === 'number' ? number : `make_timestamp(CAST(${number} AS BIGINT) * 1000)`
}

async function readRows(session: AnalyticsSession, { features }: FeatureServiceSpec): Promise<SampledRow[]> {
  const columns = await session.columns('SELECT * FROM __taken ORDER BY __sample')
  const served = features.map((_, index) => columns[`s${index}`] as FeatureValue[])
  return (columns['prediction_id'] as string[]).map((predictionId, row) => ({
    predictionId,
    timeMs: Number(columns['time_ms']![row]),
    hourMs: Number(columns['hour_ms']![row]),
    request: JSON.parse(columns['request']![row] as string) as SampledRow['request'],
    ages: JSON.parse((columns['feature_ages']![row] as string | null) ?? '{}') as SampledRow['ages'],
    served: served.map((column) => column[row] ?? null),
  }))
}

/** What was computed again, by the number of the sampled row: features in the service's order, ages of views. */
export async function readRecomputed(
  { analytics }: Pick<Context, 'analytics'>,
  { target, spec, place = '__sample' }: { target: string; spec: FeatureServiceSpec; place?: string },
): Promise<{ place: number; values: FeatureValue[]; ages: (number | null)[] }[]> {
  const columns = await analytics.columns(`SELECT * FROM ${parquetScan([target])}`)
  return (columns[place] ?? []).map((value, row) => ({
    place: Number(value),
    values: spec.features.map(({ name }) => plain(columns[name]![row])),
    ages: spec.views.map(({ view }) => plain(columns[`${view}__age_ms`]![row]) as number | null),
  }))
}

function plain(value: unknown): FeatureValue {
  if (value === null || value === undefined) return null
  return typeof value === 'bigint' ? Number(value) : (value as FeatureValue)
}
