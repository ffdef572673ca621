import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { quoteLiteral, type Analytics } from '../ports/analytics/analytics.ts'
import type { Artifacts, StoredBlob } from '../ports/artifacts/artifacts.ts'
import { EXTERNAL_OUTPUT } from './external.ts'
import type { StoredFeedback } from './feedback-log.ts'
import type { ReadRow, RouteHeader } from './prediction-rows.ts'
import type { FeedbackSegment, PredictionSegment } from './segment-content.ts'

type SqlType = 'VARCHAR' | 'DOUBLE' | 'BIGINT' | 'DOUBLE[]'

/** Columns of every file of predictions; the columns `f_<feature>` of the segment's models follow them. */
export const PREDICTION_COLUMNS = {
  prediction_id: 'VARCHAR',
  request_id: 'VARCHAR',
  row_index: 'BIGINT',
  time_ms: 'BIGINT',
  deployment: 'VARCHAR',
  model: 'VARCHAR',
  version: 'BIGINT',
  variant: 'VARCHAR',
  rollout_id: 'VARCHAR',
  generation: 'BIGINT',
  stage: 'BIGINT',
  unit: 'VARCHAR',
  bucket: 'BIGINT',
  entity_key: 'VARCHAR',
  feature_ages: 'VARCHAR',
  request: 'VARCHAR',
  output: 'VARCHAR',
  score: 'DOUBLE',
  decision: 'VARCHAR',
  policy_version: 'BIGINT',
  latency_us: 'BIGINT',
  queue_us: 'BIGINT',
  batch_size: 'BIGINT',
  status: 'VARCHAR',
  violations: 'VARCHAR',
  caller: 'VARCHAR',
  schema_hash: 'VARCHAR',
  code_hash: 'VARCHAR',
  trace_id: 'VARCHAR',
  pair_id: 'VARCHAR',
  project_id: 'VARCHAR',
  gateway_id: 'VARCHAR',
  segment_id: 'VARCHAR',
} as const satisfies Record<string, SqlType>

export const FEEDBACK_COLUMNS = {
  feedback_id: 'VARCHAR',
  prediction_id: 'VARCHAR',
  request_id: 'VARCHAR',
  row_index: 'BIGINT',
  /** Numbers and booleans as numbers; a text label only in `label_text`. */
  label: 'DOUBLE',
  label_text: 'VARCHAR',
  /** 0 for a reward without a label; with 1 and no label the label is withdrawn. */
  has_label: 'BIGINT',
  reward: 'DOUBLE',
  label_time_ms: 'BIGINT',
  received_ms: 'BIGINT',
  revision: 'BIGINT',
  source: 'VARCHAR',
  gateway_id: 'VARCHAR',
  segment_id: 'VARCHAR',
} as const satisfies Record<string, SqlType>

type Stores = { analytics: Analytics; artifacts: Artifacts }

/** Writes the rows of a prediction segment as Parquet and stores the file. The same segment gives the same bytes. */
export async function storePredictions(stores: Stores, segment: PredictionSegment): Promise<StoredBlob> {
  const columns: Record<string, SqlType> = {
    ...PREDICTION_COLUMNS,
    ...featureColumns(segment.routes.values()),
  }
  return await storeParquet(stores, columns, () => predictionLines(segment))
}

export async function storeFeedback(stores: Stores, segment: FeedbackSegment): Promise<StoredBlob> {
  return await storeParquet(stores, FEEDBACK_COLUMNS, () => feedbackLines(segment))
}

function* predictionLines({ header, routes, rows }: PredictionSegment): Generator<string> {
  const names = new Map(
    [...routes].map(([number, route]) => [number, route.features.map(({ name }) => `f_${name}`)]),
  )
  const { projectId, gatewayId, segmentId } = header
  for (const row of rows) {
    const route = routes.get(row.route)!
    const line: Record<string, unknown> = {
      ...predictionOf(row, route),
      project_id: projectId,
      gateway_id: gatewayId,
      segment_id: segmentId,
    }
    const features = names.get(row.route)!
    for (let i = 0; i < features.length; i++) line[features[i]!] = row.features[i]
    yield `${JSON.stringify(line)}\n`
  }
}

function predictionOf(row: ReadRow, route: RouteHeader): Record<string, unknown> {
  return {
    prediction_id: row.predictionId,
    request_id: row.requestId,
    row_index: row.rowIndex,
    time_ms: Math.floor(row.timeMs),
    deployment: route.deployment,
    model: route.model,
    version: route.version,
    variant: route.variant,
    rollout_id: route.rolloutId,
    generation: route.generation,
    stage: route.stage,
    unit: row.unit,
    bucket: row.bucket < 0 ? null : row.bucket,
    entity_key: row.entityKey,
    feature_ages: row.featureAges,
    request: row.request,
    output: outputOf(row, route),
    score: row.score,
    decision: row.decision,
    policy_version: route.policyVersion,
    latency_us: row.latencyUs,
    queue_us: row.queueUs,
    batch_size: row.batchSize,
    status: row.status,
    violations: row.violations,
    caller: row.caller,
    schema_hash: route.schemaHash,
    code_hash: route.codeHash,
    trace_id: row.traceId,
    pair_id: row.pairId,
  }
}

function outputOf({ output }: ReadRow, { variant }: RouteHeader): unknown {
  if (output === null) return null
  return variant === 'external' ? output[EXTERNAL_OUTPUT] : JSON.stringify(output)
}

function* feedbackLines({ header, items }: FeedbackSegment): Generator<string> {
  for (const item of items) {
    const line = { ...feedbackOf(item), gateway_id: header.gatewayId, segment_id: header.segmentId }
    yield `${JSON.stringify(line)}\n`
  }
}

function feedbackOf({ label, has_label, ...item }: StoredFeedback): Record<string, unknown> {
  return {
    ...item,
    label: typeof label === 'number' ? label : null,
    label_text: label === null ? null : String(label),
    has_label: has_label ? 1 : 0,
  }
}

/** A feature that is a number to one model and a text to another is a text here. */
function featureColumns(routes: Iterable<RouteHeader>): Record<string, SqlType> {
  const columns = new Map<string, SqlType>()
  for (const { features } of routes) {
    for (const { name, kind } of features) {
      const type = kind === 'category' ? 'VARCHAR' : kind === 'vector' ? 'DOUBLE[]' : 'DOUBLE'
      const known = columns.get(`f_${name}`)
      columns.set(`f_${name}`, known === undefined || known === type ? type : 'VARCHAR')
    }
  }
  return Object.fromEntries([...columns].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function storeParquet(
  { analytics, artifacts }: Stores,
  columns: Record<string, SqlType>,
  lines: () => Generator<string>,
): Promise<StoredBlob> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-roll-'))
  try {
    const json = join(folder, 'rows.json')
    const parquet = join(folder, 'rows.parquet')
    await pipeline(Readable.from(chunks(lines())), createWriteStream(json))
    const types = Object.entries(columns).map(([name, type]) => `${quoteLiteral(name)}: '${type}'`)
    const source = `read_json(${quoteLiteral(json)}, format = 'newline_delimited', columns = {${types.join(', ')}})`
    // One thread: the bytes depend on the rows alone, so that rolling a segment again gives the same blob.
    await using session = await analytics.session({ threads: 1 })
    await session.execute(
      `COPY (FROM ${source}) TO ${quoteLiteral(parquet)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    return await artifacts.putFile(parquet)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const CHUNK_LENGTH = 1 << 18

function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const line of lines) {
    chunk += line
    if (chunk.length < CHUNK_LENGTH) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
