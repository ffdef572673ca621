import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { hashFile } from '../kernel/hash-file.ts'
import { hashJson } from '../kernel/json.ts'
import {
  featuresOf,
  loadTable,
  openGraph,
  scoreTable,
  type Table,
  type TableSource,
} from '../model-files/model-files.ts'
import type { Task } from './definition.ts'
import { permutationImportance } from './importance.ts'
import { gatherLeakEvidence, type KnownTimes } from './leak.ts'
import type { Evaluation, EvaluationSubject } from './schema.ts'
import { compare, measure } from './subject-metrics.ts'

export interface EvaluatedModel {
  /** As sentences call it, such as `late/2`. */
  name: string
  role: EvaluationSubject['role']
  /** A path or the bytes of an ONNX graph. */
  onnx: string | Uint8Array
  modelVersionId?: string | undefined
  /** Names the columns of a graph that takes them all in one input; else its inputs are the columns. */
  features?: readonly string[] | undefined
}

export interface EvaluateModels {
  /** One later-in-time table with the features of all models, the label and the day. */
  holdout: TableSource
  models: readonly EvaluatedModel[]
  task: Task
  datasetVersionId?: string | undefined
  /**
   * Columns that tell when values were known: for a feature the column with the time at which its value became known, to be
   * compared with the time of the prediction. Milliseconds since the epoch, or timestamps.
   */
  known?: { eventTime: string; knownAt: Readonly<Record<string, string>> } | undefined
}

const BASE_RATE = 'the base rate'

/**
 * Measures several models on one holdout, row by row the same: metrics with intervals over days, the candidate's gain over the champion
 * and over the baseline, and what speaks for a leak. Without a model in the role of the baseline, the holdout's own mean is the baseline,
 * which no training could have known: it is harder to beat than a prior.
 */
export async function evaluateModels(
  { analytics }: Pick<Context, 'analytics'>,
  { holdout, models, task, datasetVersionId, known }: EvaluateModels,
): Promise<Evaluation> {
  if (models.filter(({ role }) => role === 'candidate').length !== 1)
    throw new AppError('invalid', 'An evaluation needs exactly one model in the role of the candidate')
  const sessions = []
  try {
    for (const { onnx } of models) sessions.push(await openGraph(onnx))
    const features = sessions.flatMap((session, index) => featuresOf(session, models[index]!.features))
    const times = known ? [known.eventTime, ...Object.values(known.knownAt)] : []
    const table = await loadTable(analytics, holdout, [...new Set([...features, ...times])])
    requireLabels(table, task)
    const subjects: EvaluationSubject[] = []
    for (const [index, { name, role, modelVersionId, features: named }] of models.entries()) {
      const session = sessions[index]!
      const scores = await scoreTable(session, table, { task, features: named })
      const importance =
        role === 'candidate'
          ? await permutationImportance(session, table, { task, features: named })
          : undefined
      const evidence = {
        ...(importance && { importance }),
        ...(role === 'candidate' &&
          task === 'binary' && {
            leak: gatherLeakEvidence(session, table, {
              features: named,
              known: knownTimes(table, known),
              importance,
            }),
          }),
      }
      const id = modelVersionId === undefined ? {} : { modelVersionId }
      subjects.push({ name, role, ...id, ...measure(task, { scores, ...table }), ...evidence })
    }
    if (!subjects.some(({ role }) => role === 'baseline')) subjects.push(baseRate(table, task))
    return {
      task,
      label: holdout.label,
      holdout: {
        digest: await digestOf(holdout.parquet),
        rows: table.rows,
        days: table.days,
        ...(datasetVersionId !== undefined && { datasetVersionId }),
      },
      subjects,
      differences: differences(subjects),
    }
  } finally {
    for (const session of sessions) await session[Symbol.asyncDispose]()
  }
}

function differences(subjects: readonly EvaluationSubject[]): Evaluation['differences'] {
  const candidate = subjects.find(({ role }) => role === 'candidate')!
  return (['champion', 'baseline'] as const).flatMap((against) => {
    const other = subjects.find(({ role }) => role === against)
    return other ? compare(candidate.blocks, other.blocks, against) : []
  })
}

function baseRate(table: Table, task: Task): EvaluationSubject {
  const mean = table.labels.reduce((sum, label) => sum + label, 0) / table.rows
  const scores = new Float64Array(table.rows).fill(mean)
  return { name: BASE_RATE, role: 'baseline', ...measure(task, { scores, ...table }) }
}

/** Throws `invalid` for labels that a task does not have. */
export function requireLabels({ labels }: Pick<Table, 'labels'>, task: Task): void {
  const wrong = labels.find((label) =>
    task === 'binary' ? label !== 0 && label !== 1 : !Number.isFinite(label),
  )
  if (wrong === undefined) return
  const expected = task === 'binary' ? '0 or 1 (or a boolean)' : 'a finite number'
  throw new AppError('invalid', `A label of a ${task} task is ${expected}; the holdout holds ${wrong}`)
}

function knownTimes({ columns }: Table, known: EvaluateModels['known']): KnownTimes | undefined {
  if (!known) return undefined
  const times = (column: string): Float64Array => {
    const values = columns[column]
    if (values instanceof Float64Array) return values
    throw new AppError('invalid', `The column ${column} must hold times`)
  }
  const knownAt = Object.entries(known.knownAt).map(([feature, column]) => [feature, times(column)] as const)
  return { eventTime: times(known.eventTime), knownAt: Object.fromEntries(knownAt) }
}

/** SHA-256 of the file, or of the list of hashes of several. */
async function digestOf(paths: readonly string[]): Promise<string> {
  const hashes: string[] = []
  for (const path of paths) hashes.push((await hashFile(path)).sha256)
  return hashes.length === 1 ? hashes[0]! : hashJson(hashes)
}
