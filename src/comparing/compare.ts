import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable } from '../ports/db/db.ts'
import { getRunRow, listChildRows, type RunRow, toRun } from '../tracking/tracking.ts'
import { isBetterLower } from './metric-direction.ts'
import type { ComparedMetric, RunComparison } from './schema.ts'
import { listRunRows, listRunRowsByPrefix } from './store-compare.ts'
import { listChosenMetrics, listChosenValues, summarizeKeys, type ValueTable } from './store-table.ts'

export const MAX_COMPARED = 1000
/** Keys of one kind that an answer holds; those that differ come first. */
const MAX_KEYS = 200
/** Runs, evenly chosen, whose keys are looked at: what only other runs have is left out. */
const SAMPLED = 50
const SHORT_ID = /^[0-9a-f]{12,31}$/

interface ComparedValues<Value> {
  key: string
  differs: boolean
  values: (Value | null)[]
}

/**
 * Up to 1,000 runs side by side: by their ids (or the first twelve hex digits of them), or all that are nested in one run. An answer holds
 * at most 200 keys of a kind, those that differ first, then those of most runs.
 */
export async function compareRuns(
  { db }: Pick<Context, 'db'>,
  input: Caller & { runIds?: readonly string[] | undefined; parentRunId?: string | undefined },
): Promise<RunComparison> {
  const { projectId, actor, runIds = [], parentRunId } = input
  requirePermission(actor, 'view', projectId)
  const { rows, missing } =
    parentRunId === undefined
      ? await findRuns(db.read, projectId, runIds)
      : { rows: await childrenOf(db.read, projectId, parentRunId), missing: [] }
  const ids = rows.map((row) => row.id)
  const params = await compareTexts(db.read, 'run_param', ids)
  const tags = await compareTexts(db.read, 'run_tag', ids)
  const metrics = await compareMetrics(db.read, ids)
  return {
    runs: rows.map(toRun),
    missing,
    params: params.compared,
    tags: tags.compared,
    metrics: metrics.compared,
    cut: params.cut || tags.cut || metrics.cut,
  }
}

async function childrenOf(at: Queryable, projectId: string, parentRunId: string): Promise<RunRow[]> {
  await getRunRow(at, projectId, parentRunId)
  return await listChildRows(at, projectId, parentRunId, MAX_COMPARED)
}

/** In the order asked for, each once. Throws `invalid` for too many, and for a beginning that several runs have. */
async function findRuns(
  at: Queryable,
  projectId: string,
  runIds: readonly string[],
): Promise<{ rows: RunRow[]; missing: string[] }> {
  const wanted = [...new Set(runIds)]
  if (wanted.length > MAX_COMPARED)
    throw new AppError('invalid', `At most ${MAX_COMPARED} runs are compared, not ${wanted.length}`)
  const exact = new Map((await listRunRows(at, projectId, wanted)).map((row) => [row.id, row]))
  const short = wanted.filter((id) => !exact.has(id) && SHORT_ID.test(id))
  const begun = short.length === 0 ? [] : await listRunRowsByPrefix(at, projectId, short)
  const byPrefix = new Map<string, RunRow>()
  for (const prefix of short) {
    const [row, another] = begun.filter(({ id }) => id.startsWith(prefix))
    if (another) throw new AppError('invalid', `Several runs have an id that begins with ${prefix}`)
    if (row) byPrefix.set(prefix, row)
  }
  const found = wanted.map((id) => exact.get(id) ?? byPrefix.get(id))
  const rows = new Map(found.flatMap((row) => (row ? [[row.id, row] as const] : [])))
  return { rows: [...rows.values()], missing: wanted.filter((_, index) => !found[index]) }
}

async function keysOf(
  at: Queryable,
  table: ValueTable,
  ids: readonly string[],
): Promise<{ keys: string[]; cut: boolean }> {
  const step = Math.max(1, ids.length / SAMPLED)
  const sample = Array.from(
    { length: Math.min(ids.length, SAMPLED) },
    (_, index) => ids[Math.floor(index * step)]!,
  )
  const found = await summarizeKeys(at, { table, runIds: sample, limit: 20_000 })
  const differing = found.filter(({ runs, values }) => values > 1 || runs < sample.length)
  const same = found.filter(({ runs, values }) => values <= 1 && runs === sample.length)
  const keys = [...differing, ...same].map(({ key }) => key)
  return { keys: keys.slice(0, MAX_KEYS), cut: keys.length > MAX_KEYS }
}

async function compareTexts(at: Queryable, table: 'run_param' | 'run_tag', ids: readonly string[]) {
  const { keys, cut } = await keysOf(at, table, ids)
  const rows = await listChosenValues(at, table, ids, keys)
  const compared = compareValues(
    ids,
    keys,
    rows.map(({ run_id, key, value }) => ({ runId: run_id, key, value })),
  )
  return { compared, cut }
}

async function compareMetrics(at: Queryable, ids: readonly string[]) {
  const { keys, cut } = await keysOf(at, 'run_metric_latest', ids)
  const rows = await listChosenMetrics(at, ids, keys)
  const values = rows.map(({ runId, key, value }) => ({
    runId,
    key,
    value: Number.isFinite(value) ? value : String(value),
  }))
  const lastSteps = new Map<string, number>()
  for (const { key, step } of rows) lastSteps.set(key, Math.max(step, lastSteps.get(key) ?? step))
  const compared = compareValues<number | string>(ids, keys, values).map((metric): ComparedMetric => {
    const lowerIsBetter = isBetterLower(metric.key)
    return {
      ...metric,
      lowerIsBetter,
      best: bestOf(metric.values, lowerIsBetter),
      lastStep: lastSteps.get(metric.key) ?? 0,
    }
  })
  return { compared, cut }
}

function compareValues<Value extends string | number>(
  ids: readonly string[],
  keys: readonly string[],
  rows: readonly { runId: string; key: string; value: Value }[],
): ComparedValues<Value>[] {
  const places = new Map(ids.map((id, index) => [id, index]))
  const byKey = new Map(keys.map((key) => [key, ids.map((): Value | null => null)]))
  for (const { runId, key, value } of rows) byKey.get(key)![places.get(runId)!] = value
  return [...byKey]
    .map(([key, values]) => ({ key, values, differs: new Set(values).size > 1 }))
    .sort((a, b) => a.key.localeCompare(b.key))
}

function bestOf(values: readonly (number | string | null)[], lowerIsBetter: boolean): number[] {
  const finite = values.filter((value) => typeof value === 'number')
  if (finite.length < 2) return []
  const best = finite.reduce((a, b) => (lowerIsBetter ? Math.min(a, b) : Math.max(a, b)))
  return values.flatMap((value, index) => (value === best ? [index] : []))
}
