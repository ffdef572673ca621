import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  parquetScan,
  quoteLiteral,
  type Analytics,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import type { Artifacts, StoredBlob } from '../ports/artifacts/artifacts.ts'
import type { JoinedRow, LabelledRow } from './label-effects.ts'

/** A label that waits for its prediction, by the prediction's id or by its request and row. */
export interface ArrivedLabel {
  feedbackId: string
  predictionId: string | null
  requestId: string | null
  rowIndex: number | null
  label: number | string | null
  labelTimeMs: number
  receivedMs: number
  revision: number
}

const LABEL_COLUMNS =
  '[{"feedbackId":"VARCHAR","predictionId":"VARCHAR","requestId":"VARCHAR","rowIndex":"BIGINT","label":"JSON","labelTimeMs":"BIGINT","receivedMs":"BIGINT","revision":"BIGINT"}]'
const JOINED_COLUMNS =
  '[{"predictionId":"VARCHAR","answeredId":"VARCHAR","feedbackId":"VARCHAR","deployment":"VARCHAR","model":"VARCHAR","version":"BIGINT","variant":"VARCHAR","rolloutId":"VARCHAR","generation":"BIGINT","stage":"BIGINT","gatewayId":"VARCHAR","timeMs":"BIGINT","score":"DOUBLE","bucket":"BIGINT","label":"JSON","labelTimeMs":"BIGINT","receivedMs":"BIGINT","revision":"BIGINT","loss":"DOUBLE","pairLoss":"DOUBLE"}]'

const PREDICTION = `prediction_id, deployment, model, version, variant, rollout_id, generation, stage, gateway_id, time_ms, score, bucket, pair_id`

export interface MatchedLabels {
  /** Rows whose label is new or corrects the one that was known. */
  rows: LabelledRow[]
  /** Ids of the labels that found their prediction, whether they change anything or not. */
  found: Set<string>
}

/** Finds the predictions of labels in Parquet, with their shadows, and what an earlier join knew of them. */
export async function matchLabels(
  analytics: Analytics,
  input: { labels: readonly ArrivedLabel[]; predictions: readonly string[]; joined: readonly string[] },
): Promise<MatchedLabels> {
  if (input.labels.length === 0 || input.predictions.length === 0) return { rows: [], found: new Set() }
  await using session = await analytics.session({ threads: 1 })
  await session.execute(
    `CREATE TEMP TABLE label AS SELECT unnest(from_json(?::JSON, ${quoteLiteral(LABEL_COLUMNS)}), recursive := true)`,
    [JSON.stringify(input.labels)],
  )
  await createMatched(session, input.predictions)
  await createBefore(session, input.joined)
  const rows = await session.query(`
    SELECT m.*, b.predictionId IS NOT NULL AS was_joined, b.label::VARCHAR AS before_label, b.loss AS before_loss, b.pairLoss AS before_pair
    FROM matched m LEFT JOIN before b ON b.predictionId = m.prediction_id
    WHERE b.predictionId IS NULL OR (m.revision, m.received_ms) > (b.revision, b.receivedMs)
    ORDER BY m.prediction_id`)
  const found = await session.query('SELECT DISTINCT feedback_id FROM answered')
  return { rows: rows.map(toLabelledRow), found: new Set(found.map((row) => String(row['feedback_id']))) }
}

/** The last label of each prediction; a shadow row takes the label of the answer that it is paired with. */
async function createMatched(session: AnalyticsSession, predictions: readonly string[]): Promise<void> {
  const scan = parquetScan(predictions)
  await session.execute(`
    CREATE TEMP TABLE answered AS
      SELECT ${PREDICTION}, prediction_id AS answered_id, l.feedbackId AS feedback_id, l.label::VARCHAR AS label,
        l.labelTimeMs AS label_time_ms, l.receivedMs AS received_ms, l.revision
      FROM ${scan} p JOIN label l ON p.prediction_id = l.predictionId
      WHERE p.pair_id IS NULL AND p.score IS NOT NULL
      UNION ALL
      SELECT ${PREDICTION}, prediction_id AS answered_id, l.feedbackId, l.label::VARCHAR,
        l.labelTimeMs, l.receivedMs, l.revision
      FROM ${scan} p JOIN label l ON l.predictionId IS NULL AND p.request_id = l.requestId AND p.row_index = l.rowIndex
      WHERE p.pair_id IS NULL AND p.score IS NOT NULL`)
  await session.execute(`
    CREATE TEMP TABLE matched AS
    WITH latest AS (
      SELECT * FROM answered
      QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY revision DESC, received_ms DESC, feedback_id DESC) = 1
    )
    SELECT * FROM latest
    UNION ALL
    SELECT ${PREDICTION.split(', ')
      .map((column) => `p.${column}`)
      .join(', ')}, l.answered_id, l.feedback_id, l.label, l.label_time_ms, l.received_ms, l.revision
    FROM ${scan} p JOIN latest l ON p.pair_id = l.prediction_id
    WHERE p.score IS NOT NULL`)
}

async function createBefore(session: AnalyticsSession, joined: readonly string[]): Promise<void> {
  const columns = 'predictionId, label, loss, pairLoss, revision, receivedMs'
  const empty = `SELECT NULL::VARCHAR AS predictionId, NULL::VARCHAR AS label, NULL::DOUBLE AS loss, NULL::DOUBLE AS pairLoss, NULL::BIGINT AS revision, NULL::BIGINT AS receivedMs WHERE false`
  await session.execute(
    joined.length === 0
      ? `CREATE TEMP TABLE before AS ${empty}`
      : `CREATE TEMP TABLE before AS SELECT ${columns} FROM ${parquetScan(joined)}
         WHERE predictionId IN (SELECT prediction_id FROM matched)
         QUALIFY row_number() OVER (PARTITION BY predictionId ORDER BY revision DESC, receivedMs DESC) = 1`,
  )
}

/** Keeps joined rows as Parquet: what a later correction looks into, and labelled rows for anyone to read. */
export async function storeJoined(
  { analytics, artifacts }: { analytics: Analytics; artifacts: Artifacts },
  rows: readonly JoinedRow[],
): Promise<StoredBlob> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-labels-'))
  try {
    const path = join(folder, 'joined.parquet')
    await using session = await analytics.session({ threads: 1 })
    await session.execute(
      `CREATE TEMP TABLE joined AS SELECT unnest(from_json(?::JSON, ${quoteLiteral(JOINED_COLUMNS)}), recursive := true)`,
      [JSON.stringify(rows)],
    )
    await session.execute(
      `COPY (SELECT * REPLACE (label::VARCHAR AS label) FROM joined ORDER BY predictionId) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    return await artifacts.putFile(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function toLabelledRow(row: Record<string, unknown>): LabelledRow {
  return {
    predictionId: String(row['prediction_id']),
    answeredId: String(row['answered_id']),
    feedbackId: String(row['feedback_id']),
    deployment: String(row['deployment']),
    model: String(row['model']),
    version: Number(row['version']),
    // A shadow whose features were stale was answered for by the policy; it is a shadow all the same.
    variant: row['pair_id'] === null ? String(row['variant']) : 'shadow',
    rolloutId: textOrNull(row['rollout_id']),
    generation: Number(row['generation'] ?? 0),
    stage: row['stage'] === null ? null : Number(row['stage']),
    gatewayId: String(row['gateway_id']),
    timeMs: Number(row['time_ms']),
    score: row['score'] === null ? null : Number(row['score']),
    label: parseLabel(row['label']),
    bucket: row['bucket'] === null ? null : Number(row['bucket']),
    labelTimeMs: Number(row['label_time_ms']),
    receivedMs: Number(row['received_ms']),
    revision: Number(row['revision']),
    before: row['was_joined']
      ? {
          label: parseLabel(row['before_label']),
          loss: numberOrNull(row['before_loss']),
          pairLoss: numberOrNull(row['before_pair']),
        }
      : null,
  }
}

function parseLabel(text: unknown): number | string | null {
  return typeof text === 'string' ? (JSON.parse(text) as number | string | null) : null
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
