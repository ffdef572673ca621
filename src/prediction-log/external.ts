import {
  blankRow,
  type Column,
  type LoggedFeature,
  type PredictionRow,
  type RouteHeader,
  writeRow,
} from './prediction-rows.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import type { PredictionLog } from './open-segments.ts'
import type { ExternalPrediction } from './schema.ts'
import { FRAME } from './segment.ts'

/** Appends rows of models that are served elsewhere; the same `prediction_id` again is dropped by readers. */
export function recordExternal(
  log: PredictionLog,
  projectId: string,
  rows: readonly ExternalPrediction[],
): void {
  if (rows.length === 0) return
  const headers = new Map<string, RouteHeader>()
  const routes = rows.map((row) => headerOf(headers, projectId, row))
  const times = rows.map((row) => row.time_ms)
  const span = { rows: rows.length, fromMs: Math.min(...times), toMs: Math.max(...times) }
  const logged = log.append(projectId, span, (group, routeOf) => {
    for (const header of headers.values()) routeOf(header)
    const writer = group.begin(FRAME.predictions)
    writer.u32(rows.length)
    for (const [i, row] of rows.entries()) {
      const header = routes[i]!
      const features = header.features.map(({ name }): Column => [row.features[name] ?? null])
      writeRow(
        writer,
        routeOf(header),
        header,
        toRow(row),
        features,
        [[JSON.stringify(row.output ?? null)]],
        0,
      )
    }
    group.end()
  })
  if (!logged) {
    throw new AppError('unavailable', 'The predictions could not be stored; send them again', {
      cause: log.lastError,
    })
  }
}

/** The output of an external row is one JSON text; readers unwrap it. */
export const EXTERNAL_OUTPUT = 'external'

function headerOf(known: Map<string, RouteHeader>, projectId: string, row: ExternalPrediction): RouteHeader {
  const features = Object.entries(row.features)
    .map(([name, value]): LoggedFeature => ({
      name,
      kind: typeof value === 'string' ? 'category' : 'number',
      width: 1,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const header: RouteHeader = {
    projectId,
    deployment: row.deployment,
    model: row.model ?? row.deployment,
    version: row.version ?? 0,
    modelVersionId: null,
    variant: 'external',
    rolloutId: null,
    generation: 0,
    stage: null,
    policyVersion: 0,
    schemaHash: hashJson(features).slice(0, 16),
    codeHash: null,
    layoutSha256: null,
    features,
    outputs: [{ name: EXTERNAL_OUTPUT, datatype: 'BYTES', width: 1 }],
  }
  const key = hashJson(header)
  const found = known.get(key) ?? header
  known.set(key, found)
  return found
}

function toRow(row: ExternalPrediction): PredictionRow {
  return {
    ...blankRow(),
    predictionId: row.prediction_id,
    requestId: row.request_id ?? row.prediction_id,
    timeMs: row.time_ms,
    unit: row.unit ?? null,
    entityKey: row.entity_key ?? null,
    latencyUs: row.latency_us ?? 0,
    score: row.score ?? NaN,
    decision: row.decision ?? null,
  }
}
