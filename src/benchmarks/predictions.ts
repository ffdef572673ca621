import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { BenchmarkDefinition } from './schema.ts'
import { definitionOf } from './store.ts'
import type { BenchmarkRow, SubmissionRow } from './tables.ts'

/**
 * The scores of a file in the order of the holdout's rows. Throws `invalid` when a row has none or two, or a probability is none. What the
 * file says of ids that are not in the holdout is ignored.
 */
export async function readPredictions(
  { analytics, artifacts }: Pick<Context, 'analytics' | 'artifacts'>,
  { benchmark, submission, holdout }: { benchmark: BenchmarkRow; submission: SubmissionRow; holdout: string },
): Promise<Float64Array> {
  const definition = definitionOf(benchmark)
  const { id = '', metric, task, classes } = definition
  await using session = await analytics.session()
  const path = quoteLiteral(await artifacts.localPath(submission.predictions_sha256!))
  const file =
    submission.predictions_format === 'csv' ? `read_csv(${path}, header = true)` : `read_parquet(${path})`
  const columns = classes ?? ['score']
  await requireColumns(session, file, [id, ...columns])
  await requireOneEach(session, { file, holdout, id })
  const selected = columns.map((name, place) => `TRY_CAST(p.${quoteIdentifier(name)} AS DOUBLE) AS s${place}`)
  const read = await session.columns(
    `SELECT ${selected.join(', ')} FROM read_parquet(${quoteLiteral(holdout)}, file_row_number = true) h
     JOIN ${file} p ON CAST(p.${quoteIdentifier(id)} AS VARCHAR) = CAST(h.${quoteIdentifier(id)} AS VARCHAR)
     ORDER BY h.file_row_number`,
  )
  const rows = read['s0']!.length
  const scores = new Float64Array(rows * columns.length)
  for (let row = 0; row < rows; row++)
    for (let place = 0; place < columns.length; place++) {
      const value = read[`s${place}`]![row]
      scores[row * columns.length + place] = typeof value === 'number' ? value : NaN
    }
  if (needsProbabilities({ task, metric })) requireProbabilities(scores)
  return scores
}

async function requireColumns(
  session: AnalyticsSession,
  file: string,
  names: readonly string[],
): Promise<void> {
  const described = await session.query(`DESCRIBE SELECT * FROM ${file}`).catch((cause: unknown) => {
    throw new AppError('invalid', `The file of predictions can’t be read: ${firstLine(cause)}`, { cause })
  })
  const known = described.map((row) => String(row['column_name']))
  const missing = names.filter((name) => !known.includes(name))
  if (missing.length > 0)
    throw new AppError('invalid', `The file lacks ${missing.join(', ')}: it has ${known.join(', ')}`)
}

async function requireOneEach(
  session: AnalyticsSession,
  { file, holdout, id }: { file: string; holdout: string; id: string },
): Promise<void> {
  const key = quoteIdentifier(id)
  const [counts] = await session.query(
    `SELECT count(*) FILTER (n IS NULL) AS missing, count(*) FILTER (n > 1) AS repeated
     FROM (SELECT CAST(${key} AS VARCHAR) AS id FROM read_parquet(${quoteLiteral(holdout)})) h
     LEFT JOIN (SELECT CAST(${key} AS VARCHAR) AS id, count(*) AS n FROM ${file} GROUP BY 1) p ON p.id = h.id`,
  )
  const { missing, repeated } = counts as { missing: number; repeated: number }
  if (missing > 0) throw new AppError('invalid', `The file has no score for ${missing} rows of the holdout`)
  if (repeated > 0) throw new AppError('invalid', `The file has more than one score for ${repeated} rows`)
}

function needsProbabilities({ task, metric }: Pick<BenchmarkDefinition, 'task' | 'metric'>): boolean {
  return task === 'multiclass' || (task === 'binary' && metric !== 'auc')
}

function requireProbabilities(scores: Float64Array): void {
  const wrong = scores.find((score) => !(score >= 0 && score <= 1))
  if (wrong !== undefined)
    throw new AppError('invalid', `A score here is a probability from 0 to 1; the file has ${wrong}`)
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.slice(0, 200)
}
