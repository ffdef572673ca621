import type { Context } from '../http/context.ts'
import { parquetScan, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { condemnAtOnce, recordBlob } from '../ports/artifacts/blobs.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { addErasedRows } from '../privacy/privacy.ts'
import { segmentWithout } from './erase-segment.ts'
import type { StoredFeedback } from './feedback-log.ts'
import { storeFeedback, storePredictions } from './parquet.ts'
import type { ReadRow, RouteHeader } from './prediction-rows.ts'
import { readFeedbackSegment, readPredictionSegment } from './segment-content.ts'
import { listSegments, updateSegment } from './store.ts'
import type { LogSegmentRow } from './tables.ts'

type LogContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>

export interface LoggedPerson {
  projectId: string
  /** The field of requests that names the person. */
  column: string
  /** The key as requests name it, and as it may be logged. */
  values: readonly string[]
  /** Deployments that are about another entity: the same key there is somebody else. */
  others: readonly string[]
}

/** One prediction about a person. */
export interface LoggedPrediction {
  segmentId: string
  predictionId: string
  requestId: string
  rowIndex: number
}

const FILES = 100
const PAGE = 500

/** Every prediction about a person that the gateways have handed over. */
export async function findPredictions(
  context: LogContext,
  person: LoggedPerson,
): Promise<LoggedPrediction[]> {
  const found: LoggedPrediction[] = []
  await using session = await context.analytics.session({ threads: 1 })
  for await (const segments of pages(context, person.projectId, 'prediction')) {
    const rolled = segments.filter(({ parquet_sha256 }) => parquet_sha256 !== null)
    for (let start = 0; start < rolled.length; start += FILES)
      found.push(...(await queryPredictions(context, session, rolled.slice(start, start + FILES), person)))
    for (const segment of segments.filter(({ parquet_sha256 }) => parquet_sha256 === null)) {
      const { rows, routes } = readPredictionSegment(await context.artifacts.bytes(segment.sha256))
      const about = rows.filter((row) => isAbout(row, routes.get(row.route)!, person))
      found.push(...about.map((row) => toPrediction(segment.segment_id, row)))
    }
  }
  return found
}

/** Feedback on these predictions, by the segment that it is in. */
export async function findFeedback(
  context: LogContext,
  projectId: string,
  predictions: readonly LoggedPrediction[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  if (predictions.length === 0) return found
  const isErased = feedbackOn(predictions)
  for await (const segments of pages(context, projectId, 'feedback')) {
    for (const { segment_id, sha256 } of segments) {
      const { items } = readFeedbackSegment(await context.artifacts.bytes(sha256))
      const count = items.filter(isErased).length
      if (count > 0) found.set(segment_id, count)
    }
  }
  return found
}

/**
 * Takes predictions about a person and the feedback on them out of the log: segments and their Parquet are written anew, each in one
 * transaction, the feedback first, since it is found by its predictions. Running again finds what is left.
 */
export async function eraseFromLog(
  context: LogContext,
  {
    erasureId,
    predictions,
    ...person
  }: LoggedPerson & { erasureId: string; predictions: readonly LoggedPrediction[] },
): Promise<void> {
  const { projectId } = person
  const count = { erasureId, projectId }
  const withFeedback = await findFeedback(context, projectId, predictions)
  const isErased = feedbackOn(predictions)
  for (const segment of await segmentsOf(context, projectId, 'feedback', withFeedback)) {
    const after = segmentWithout(await context.artifacts.bytes(segment.sha256), { feedback: isErased })
    const parquet =
      segment.parquet_sha256 === null
        ? undefined
        : await storeFeedback(context, readFeedbackSegment(after.bytes))
    await replaceSegment(context, segment, { ...after, parquet, ...count, place: 'feedback' })
  }
  const withPredictions = new Map(predictions.map(({ segmentId }) => [segmentId, 1]))
  for (const segment of await segmentsOf(context, projectId, 'prediction', withPredictions)) {
    const prediction = (row: ReadRow, route: RouteHeader): boolean => isAbout(row, route, person)
    const after = segmentWithout(await context.artifacts.bytes(segment.sha256), { prediction })
    const parquet =
      segment.parquet_sha256 === null
        ? undefined
        : await storePredictions(context, readPredictionSegment(after.bytes))
    await replaceSegment(context, segment, { ...after, parquet, ...count, place: 'predictions' })
  }
}

async function replaceSegment(
  { db, artifacts, clock }: LogContext,
  segment: LogSegmentRow,
  input: {
    bytes: Uint8Array
    removed: number
    parquet: StoredBlob | undefined
    erasureId: string
    projectId: string
    place: string
  },
): Promise<void> {
  const { bytes, removed, parquet, erasureId, projectId, place } = input
  const blob = await artifacts.put(bytes)
  if (blob.sha256 === segment.sha256) return
  await db.write(async (trx) => {
    const isReplaced = await updateSegment(trx, segment, {
      sha256: blob.sha256,
      size_bytes: blob.sizeBytes,
      rows: segment.rows - removed,
      parquet_sha256: parquet?.sha256 ?? null,
    })
    // Rolled meanwhile: the next look finds it again.
    if (!isReplaced) return
    const nowMs = clock.now()
    for (const each of [blob, ...(parquet ? [parquet] : [])])
      await recordBlob(trx, { projectId, blob: each, nowMs })
    await condemnAtOnce(trx, [segment.sha256, ...(segment.parquet_sha256 ? [segment.parquet_sha256] : [])])
    const name =
      segment.deployments_json === '[]'
        ? 'feedback'
        : (JSON.parse(segment.deployments_json) as string[]).join(', ')
    await addErasedRows(trx, { erasure_id: erasureId, project_id: projectId, place, name, rows: removed })
  })
}

async function* pages(
  { db }: Pick<LogContext, 'db'>,
  projectId: string,
  kind: LogSegmentRow['kind'],
): AsyncGenerator<LogSegmentRow[]> {
  for (let after = ''; ;) {
    const page = await listSegments(db.read, { projectId, kind, after, limit: PAGE })
    if (page.length > 0) yield page
    if (page.length < PAGE) return
    after = page.at(-1)!.segment_id
  }
}

async function segmentsOf(
  context: LogContext,
  projectId: string,
  kind: LogSegmentRow['kind'],
  wanted: ReadonlyMap<string, number>,
): Promise<LogSegmentRow[]> {
  const found: LogSegmentRow[] = []
  if (wanted.size === 0) return found
  for await (const page of pages(context, projectId, kind))
    found.push(...page.filter(({ segment_id }) => wanted.has(segment_id)))
  return found
}

async function queryPredictions(
  { artifacts }: Pick<LogContext, 'artifacts'>,
  session: AnalyticsSession,
  segments: readonly LogSegmentRow[],
  { column, values, others }: LoggedPerson,
): Promise<LoggedPrediction[]> {
  if (segments.length === 0) return []
  const paths = await Promise.all(segments.map(({ parquet_sha256 }) => artifacts.localPath(parquet_sha256!)))
  const keys = values.map(quoteLiteral).join(', ')
  const elsewhere =
    others.length === 0 ? '' : ` AND deployment NOT IN (${others.map(quoteLiteral).join(', ')})`
  const field = quoteLiteral(`/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  // Older files have no requests.
  const rows = await session.query(
    `SELECT segment_id, prediction_id, request_id, row_index
     FROM (SELECT NULL::VARCHAR AS request WHERE false UNION ALL BY NAME SELECT * FROM ${parquetScan(paths)})
     WHERE ((entity_key IN (${keys}) OR unit IN (${keys}))${elsewhere}) OR json_extract_string(request, ${field}) IN (${keys})`,
  )
  return rows.map((row) => ({
    segmentId: String(row['segment_id']),
    predictionId: String(row['prediction_id']),
    requestId: String(row['request_id']),
    rowIndex: Number(row['row_index']),
  }))
}

function isAbout(
  { entityKey, unit, request }: ReadRow,
  { deployment }: RouteHeader,
  { column, values, others }: LoggedPerson,
): boolean {
  const field = request === null ? undefined : (JSON.parse(request) as Record<string, unknown>)[column]
  if ((typeof field === 'string' || typeof field === 'number') && values.includes(String(field))) return true
  if (others.includes(deployment)) return false
  return (entityKey !== null && values.includes(entityKey)) || (unit !== null && values.includes(unit))
}

function toPrediction(segmentId: string, { predictionId, requestId, rowIndex }: ReadRow): LoggedPrediction {
  return { segmentId, predictionId, requestId, rowIndex }
}

type Named = Pick<StoredFeedback, 'prediction_id' | 'request_id' | 'row_index'>

/** Whether feedback is on one of the predictions, which it names by id, or by request and row. */
export function feedbackOn(predictions: readonly LoggedPrediction[]): (item: Named) => boolean {
  const ids = new Set(predictions.map(({ predictionId }) => predictionId))
  const rows = new Set(predictions.map(({ requestId, rowIndex }) => `${rowIndex} ${requestId}`))
  return ({ prediction_id, request_id, row_index }) =>
    prediction_id === null ? rows.has(`${row_index ?? 0} ${request_id ?? ''}`) : ids.has(prediction_id)
}
