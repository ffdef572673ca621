import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import { checkParity, train } from '../learners/learners.ts'
import type { Column, FeatureSpec, Frame, Learner } from '../learners/schema.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { SetFacts, TrainingFacts } from './built-in.ts'
import type { StepSql } from './authoring.ts'
import type { TableInput } from './kinds.ts'

/** A probability may differ by what single precision loses over a few hundred trees. */
const TOLERANCE = 1e-4

interface TrainScope {
  train: TableInput
  test: TableInput
  facts: SetFacts
  params: { learner: Learner; task: 'binary' | 'regression'; params: JsonObject; seed: number }
  sql: StepSql
  log: (text: string) => void
  metric: (key: string, value: number) => void
}

/** The body of `train`. */
export async function trainModel(scope: TrainScope): Promise<{ model: Uint8Array; training: TrainingFacts }> {
  const { facts, params, sql, log, metric } = scope
  const { learner, task, seed } = params
  const features = facts.features.map(({ name, kind }): FeatureSpec => ({
    name,
    kind: kind === 'category' ? kind : 'number',
  }))
  const data = await readFrame(sql, scope.train, features, facts.label)
  const model = train({ learner, task, features, seed, params: params.params, ...data })
  const bytes = model.toOnnx()
  const holdout = await readFrame(sql, scope.test, features, facts.label)
  const parity = await checkParity(model, bytes, holdout.frame)
  log(
    `${learner} on ${data.frame.rows} rows; the graph differs by at most ${parity.maxDifference} on ${parity.rows} rows`,
  )
  if (parity.maxDifference > TOLERANCE || parity.labelMismatches > 0) {
    throw new AppError(
      'invalid',
      `The exported graph differs from the trainer by up to ${parity.maxDifference}, with ${parity.labelMismatches} other labels`,
    )
  }
  metric('parity_max_difference', parity.maxDifference)
  const description = model.describe()
  return {
    model: bytes,
    training: {
      learner,
      task,
      rows: data.frame.rows,
      parity,
      importance: { ...model.importance },
      description,
    },
  }
}

async function readFrame(
  sql: StepSql,
  table: TableInput,
  features: readonly FeatureSpec[],
  label: string,
): Promise<{ frame: Frame; target: Float64Array }> {
  const selected = features.map(({ name, kind }, at) => `${cell(name, kind)} AS c${at}`)
  const read = await sql.columns(
    `SELECT ${quoteIdentifier(label)} AS y, ${selected.join(', ')} FROM ${table.scan}`,
  )
  const columns = features.map(({ name, kind }, at) => [name, columnOf(kind, read[`c${at}`]!)] as const)
  const target = Float64Array.from(read['y'] as number[])
  return { frame: { rows: target.length, columns: Object.fromEntries(columns) }, target }
}

function cell(name: string, kind: FeatureSpec['kind']): string {
  return kind === 'category' ? `CAST(${quoteIdentifier(name)} AS VARCHAR)` : quoteIdentifier(name)
}

function columnOf(kind: FeatureSpec['kind'], values: readonly unknown[]): Column {
  if (kind === 'number') {
    return {
      kind,
      values: Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value))),
    }
  }
  const places = new Map<string, number>()
  const codes = Int32Array.from(values as (string | null)[], (value) => {
    if (value === null) return -1
    const known = places.get(value)
    if (known !== undefined) return known
    places.set(value, places.size)
    return places.size - 1
  })
  return { kind, codes, categories: [...places.keys()] }
}
