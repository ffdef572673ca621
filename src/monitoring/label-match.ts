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

const PREDICTION =
  'p.prediction_id, p.deployment, p.model, p.version, p.variant, p.rollout_id, p.generation, p.stage, p.gateway_id, p.time_ms, p.score, p.decision, p.probabilities, p.bucket, p.pair_id'
const LABEL =
  'l.feedbackId AS feedback_id, l.label::VARCHAR AS label, l.labelTimeMs AS label_time_ms, l.receivedMs AS received_ms, l.revision'
/** Of several labels the newest comes first; the prediction log reads them in the same order. */
const NEWEST = 'revision DESC, received_ms DESC, feedback_id DESC'

export interface VersionKey {
  model: string
  version: number
}

/** A version of several classes, and the output in which it gives their probabilities; null for one that gives a decision alone. */
export interface ClassOutput extends VersionKey {
  output: string | null
}

export interface MatchedLabels {
  /** Rows whose label is new or corrects the one that was known. */
  rows: LabelledRow[]
  /** Ids of the labels that found their prediction, whether they change anything or not. */
  found: Set<string>
}

/**
 * Finds the predictions of labels in Parquet, with their shadows, and what earlier joins knew of them. The shadows of
 * `lateShadows`, a Parquet file of predictions, take the labels that earlier joins gave to their answers.
 */
export async function matchLabels(
  analytics: Analytics,
  input: {
    labels: readonly ArrivedLabel[]
    predictions: readonly string[]
    joined: readonly string[]
    lateShadows?: string | undefined
    /** Of the versions that made predictions, those of several classes. */
    classOutputs: (versions: readonly VersionKey[]) => Promise<readonly ClassOutput[]>
  },
): Promise<MatchedLabels> {
  const { labels, predictions, joined, lateShadows, classOutputs } = input
  const paths = [...new Set([...predictions, ...(lateShadows === undefined ? [] : [lateShadows])])]
  if (paths.length === 0) return { rows: [], found: new Set() }
  await using session = await analytics.session({ threads: 1 })
  await session.execute(
    `CREATE TEMP TABLE label AS SELECT unnest(from_json(?::JSON, ${quoteLiteral(LABEL_COLUMNS)}), recursive := true)`,
    [JSON.stringify(labels)],
  )
  const made = await session.query(`SELECT DISTINCT model, version FROM ${parquetScan(paths)}`)
  const outputs = await classOutputs(
    made.map(({ model, version }) => ({ model: String(model), version: Number(version) })),
  )
  await createArrived(session, answersIn(paths, outputs))
  await createShadow(session, {
    all: answersIn(paths, outputs),
    late: lateShadows === undefined ? undefined : answersIn([lateShadows], outputs),
  })
  await createBefore(session, joined)
  const found = await session.query('SELECT DISTINCT feedback_id FROM answered')
  return {
    rows: (await changed(session)).map(toLabelledRow),
    found: new Set(found.map((row) => String(row['feedback_id']))),
  }
}

/** Rows that have an answer: a score, or of a model of several classes a decision. */
function answersIn(paths: readonly string[], outputs: readonly ClassOutput[]): string {
  const isOf = ({ model, version }: VersionKey): string =>
    `(p.model = ${quoteLiteral(model)} AND p.version = ${version})`
  const given = outputs.flatMap((each) =>
    each.output === null
      ? []
      : `WHEN ${isOf(each)} THEN json_extract(p.output, ${quoteLiteral(pointerTo(each.output))})`,
  )
  // The policy's answer fills the outputs with its score.
  const probabilities =
    given.length === 0 ? 'NULL' : `CASE WHEN p.variant = 'fallback' THEN NULL ${given.join(' ')} END`
  const decided =
    outputs.length === 0 ? '' : `OR (p.decision IS NOT NULL AND (${outputs.map(isOf).join(' OR ')}))`
  return `(SELECT p.*, ${probabilities}::VARCHAR AS probabilities FROM ${parquetScan(paths)} p WHERE p.score IS NOT NULL ${decided})`
}

/** RFC 6901. */
function pointerTo(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** `answered`: labels with the prediction that each names; `arrived`: the last of each prediction. */
async function createArrived(session: AnalyticsSession, answers: string): Promise<void> {
  await session.execute(`
    CREATE TEMP TABLE answered AS
      SELECT ${PREDICTION}, ${LABEL}
      FROM ${answers} p JOIN label l ON p.prediction_id = l.predictionId
      WHERE p.pair_id IS NULL
      UNION ALL
      SELECT ${PREDICTION}, ${LABEL}
      FROM ${answers} p JOIN label l ON l.predictionId IS NULL AND p.request_id = l.requestId AND p.row_index = l.rowIndex
      WHERE p.pair_id IS NULL`)
  await session.execute(`
    CREATE TEMP TABLE arrived AS SELECT * FROM answered
    QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY ${NEWEST}) = 1`)
}

/** `shadow`: the shadows of what labels have arrived for, and all of the late ones. */
async function createShadow(
  session: AnalyticsSession,
  { all, late }: { all: string; late: string | undefined },
): Promise<void> {
  const others =
    late === undefined ? '' : `UNION SELECT ${PREDICTION} FROM ${late} p WHERE p.pair_id IS NOT NULL`
  await session.execute(`
    CREATE TEMP TABLE shadow AS
      SELECT ${PREDICTION} FROM ${all} p
      WHERE p.pair_id IN (SELECT prediction_id FROM arrived)
      ${others}`)
}

/** `before`: the last label that earlier joins gave to each prediction, shadow, and answer of a shadow. */
async function createBefore(session: AnalyticsSession, joined: readonly string[]): Promise<void> {
  const columns = `predictionId AS prediction_id, feedbackId AS feedback_id, label::VARCHAR AS label,
    labelTimeMs AS label_time_ms, receivedMs AS received_ms, revision, loss, pairLoss AS pair_loss`
  const source =
    joined.length === 0
      ? `(SELECT unnest(from_json('[]'::JSON, ${quoteLiteral(JOINED_COLUMNS)}), recursive := true))`
      : parquetScan(joined)
  await session.execute(`
    CREATE TEMP TABLE before AS SELECT ${columns} FROM ${source}
    WHERE predictionId IN (SELECT prediction_id FROM arrived UNION ALL SELECT prediction_id FROM shadow UNION ALL SELECT pair_id FROM shadow)
    QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY ${NEWEST}) = 1`)
}

/** Rows whose newest label is not the one that they had. A shadow has the label of the answer that it is paired with. */
async function changed(session: AnalyticsSession): Promise<Record<string, unknown>[]> {
  const label = 'prediction_id AS answered_id, feedback_id, label, label_time_ms, received_ms, revision'
  return session.query(`
    WITH known AS (
      SELECT * FROM (SELECT ${label} FROM arrived UNION ALL SELECT ${label} FROM before)
      QUALIFY row_number() OVER (PARTITION BY answered_id ORDER BY ${NEWEST}) = 1)
    SELECT p.*, k.*, b.prediction_id IS NOT NULL AS was_joined, b.label AS before_label, b.loss AS before_loss,
      b.pair_loss AS before_pair, answer.loss AS answer_loss
    FROM (SELECT ${PREDICTION} FROM arrived p UNION ALL SELECT * FROM shadow) p
    JOIN known k ON k.answered_id = coalesce(p.pair_id, p.prediction_id)
    LEFT JOIN before b ON b.prediction_id = p.prediction_id
    LEFT JOIN before answer ON answer.prediction_id = p.pair_id
    WHERE b.prediction_id IS NULL OR (k.revision, k.received_ms, k.feedback_id) > (b.revision, b.received_ms, b.feedback_id)
    ORDER BY p.prediction_id`)
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
    decision: textOrNull(row['decision']),
    probabilities: numbersOrNull(row['probabilities']),
    label: parseLabel(row['label']),
    bucket: row['bucket'] === null ? null : Number(row['bucket']),
    labelTimeMs: Number(row['label_time_ms']),
    receivedMs: Number(row['received_ms']),
    revision: Number(row['revision']),
    answerLoss: numberOrNull(row['answer_loss']),
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

function numbersOrNull(text: unknown): (number | null)[] | null {
  return typeof text === 'string' ? (JSON.parse(text) as (number | null)[]) : null
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
