import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { parseFilterText } from './filter-text.ts'
import { readRunTable } from './run-table.ts'
import type { OrderTerm } from '../search/search.ts'
import { createExperiment, createRun, logBatch, setRunsLifecycle } from '../tracking/tracking.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

interface Known {
  name: string
  experiment: number
  auc: number | undefined
  depth: string
}

const AUCS = [0.5, 0.9, undefined, 0.7, 0.7, Number.NaN, 0.1, 0.8]
const KNOWN: readonly Known[] = Array.from({ length: 24 }, (_, index) => ({
  name: `run ${String(index).padStart(2, '0')}`,
  experiment: index % 3,
  auc: AUCS[index % AUCS.length],
  depth: String(index % 5),
}))

/** Runs of three experiments, a later one in each place, and one that was deleted. */
async function fill(context: TestContext): Promise<string[]> {
  const experimentIds: string[] = []
  for (const name of ['a', 'b', 'c'])
    experimentIds.push((await createExperiment(context, { ...caller, name })).id)
  const make = async ({ name, experiment, auc, depth }: Known, startMs: number): Promise<string> => {
    const experimentId = experimentIds[experiment]!
    const { id: runId } = await createRun(context, { ...caller, experimentId, name, startMs })
    const metrics = auc === undefined ? [] : [{ key: 'auc', value: auc, step: 0, timestampMs: 1 }]
    await logBatch(context, { ...caller, runId, metrics, params: [{ key: 'depth', value: depth }] })
    return runId
  }
  for (const [index, known] of KNOWN.entries()) await make(known, TEST_TIME_MS + index)
  const deleted = await make({ name: 'gone', experiment: 0, auc: 0.99, depth: '1' }, TEST_TIME_MS + 100)
  await setRunsLifecycle(context, { ...caller, runIds: [deleted], lifecycle: 'deleted' })
  return experimentIds
}

const FILTERS: readonly [string, (known: Known) => boolean][] = [
  ['', () => true],
  ['metrics.auc > 0.4', ({ auc }) => auc !== undefined && auc > 0.4],
  ['metrics.auc >= 0.8', ({ auc }) => auc !== undefined && auc >= 0.8],
  ['params.depth = "3"', ({ depth }) => depth === '3'],
  [
    'metrics.auc < 0.9 and params.depth != "0"',
    ({ auc, depth }) => auc !== undefined && auc < 0.9 && depth !== '0',
  ],
  [
    'not metrics.auc > 0.4 or params.depth = "1"',
    ({ auc, depth }) => !(auc !== undefined && auc > 0.4) || depth === '1',
  ],
]

const newestFirst = (a: Known, b: Known): number => (a.name < b.name ? 1 : -1)

/** Numbers, then NaN, then what has none; each group the newest first. */
function byAuc(descending: boolean) {
  const rank = ({ auc }: Known): number => (auc === undefined ? 2 : Number.isNaN(auc) ? 1 : 0)
  return (a: Known, b: Known): number => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b)
    const difference = rank(a) === 0 ? a.auc! - b.auc! : 0
    return difference === 0 ? newestFirst(a, b) : descending ? -difference : difference
  }
}

const auc = (descending: boolean): OrderTerm[] => [{ field: 'metric', key: 'auc', descending }]
const ORDERS: readonly [OrderTerm[], (a: Known, b: Known) => number][] = [
  [[], newestFirst],
  [auc(true), byAuc(true)],
  [auc(false), byAuc(false)],
]

describeDatabases('order of runs', (open) => {
  it('is that of the metric or the newest first, whatever the filter, the experiments and the pages', async () => {
    const context = await open()
    const ids = await fill(context)
    for (const experiments of [undefined, [0, 2], [1]])
      for (const [text, meets] of FILTERS)
        for (const [orderBy, compare] of ORDERS) {
          const wanted = KNOWN.filter(
            (known) => meets(known) && (experiments?.includes(known.experiment) ?? true),
          )
          const names: string[] = []
          let pageToken: string | undefined
          do {
            const page = await readRunTable(context, {
              ...caller,
              experimentIds: experiments?.map((experiment) => ids[experiment]!),
              filter: parseFilterText(text, TEST_TIME_MS),
              orderBy,
              lifecycle: 'active',
              columns: [],
              limit: 4,
              pageToken,
            })
            names.push(...page.rows.map(({ name }) => name))
            pageToken = page.nextPageToken
          } while (pageToken !== undefined)
          expect(names, `${text} ${JSON.stringify({ orderBy, experiments })}`).toEqual(
            wanted.toSorted(compare).map(({ name }) => name),
          )
        }
  })
})
