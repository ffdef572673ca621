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
  const isCsv = submission.predictions_format === 'csv'
  // Text keeps ids such as 007; each is read as the type that the holdout has for it.
  const file = isCsv ? `read_csv(${path}, header = true, all_varchar = true)` : `read_parquet(${path})`
  const columns = classes ?? ['score']
  await requireColumns(session, file, [id, ...columns])
  const key = `TRY_CAST(${quoteIdentifier(id)} AS ${await typeOfId(session, { holdout, id })})`
  await requireOneEach(session, { file, holdout, id, key })
  const selected = columns.map((name, place) => `TRY_CAST(${quoteIdentifier(name)} AS DOUBLE) AS s${place}`)
  const read = await session.columns(
    `SELECT p.* EXCLUDE (key) FROM read_parquet(${quoteLiteral(holdout)}, file_row_number = true) h
     JOIN (SELECT ${key} AS key, ${selected.join(', ')} FROM ${file}) p ON p.key = h.${quoteIdentifier(id)}
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

async function typeOfId(
  session: AnalyticsSession,
  { holdout, id }: { holdout: string; id: string },
): Promise<string> {
  const [described] = await session.query(
    `DESCRIBE SELECT ${quoteIdentifier(id)} FROM read_parquet(${quoteLiteral(holdout)})`,
  )
  return String(described!['column_type'])
}

async function requireOneEach(
  session: AnalyticsSession,
  { file, holdout, id, key }: { file: string; holdout: string; id: string; key: string },
): Promise<void> {
  const [counts] = await session.query(
    `SELECT count(*) FILTER (n IS NULL) AS missing, count(*) FILTER (n > 1) AS repeated
     FROM read_parquet(${quoteLiteral(holdout)}) h
     LEFT JOIN (SELECT ${key} AS key, count(*) AS n FROM ${file} GROUP BY 1) p ON p.key = h.${quoteIdentifier(id)}`,
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
