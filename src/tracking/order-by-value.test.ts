import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { logBatch } from './log-batch.ts'
import { setRunsLifecycle } from './run-bulk.ts'
import { createRun, searchRuns, type SearchRuns } from './runs.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
/** Some begin alike for longer than the index of values looks, many are equal, and some runs have none. */
const VALUES = ['10', '9', 'é', 'z', `${'a'.repeat(70)}2`, `${'a'.repeat(70)}1`, 'a'.repeat(64), undefined]
const RUNS = 40

async function fill(context: TestContext): Promise<{ id: string; value: string | undefined }[]> {
  const runs: { id: string; value: string | undefined }[] = []
  for (let index = 0; index < RUNS; index++) {
    const value = VALUES[(index * 7) % VALUES.length]
    const { id } = await createRun(context, { ...caller, startMs: 1000 + index })
    const given = value === undefined ? [] : [{ key: 'depth', value }]
    const metrics = [{ key: 'auc', value: index % 4, step: 0, timestampMs: 1 }]
    await logBatch(context, { ...caller, runId: id, params: given, tags: given, metrics })
    if (index % 10 === 3) await setRunsLifecycle(context, { ...caller, runIds: [id], lifecycle: 'deleted' })
    else runs.unshift({ id, value })
  }
  return runs
}

async function pages(context: TestContext, search: Partial<SearchRuns>, limit: number): Promise<string[]> {
  const ids: string[] = []
  let pageToken: string | undefined
  do {
    const page = await searchRuns(context, { ...caller, ...search, limit, pageToken })
    ids.push(...page.runs.map(({ id }) => id))
    pageToken = page.nextPageToken
  } while (pageToken !== undefined)
  return ids
}

describeDatabases('runs ordered by a param or a tag', (open) => {
  it('come page by page in the order of the whole values, those without one last, the newest first where they are equal', async () => {
    const context = await open()
    const newestFirst = await fill(context)
    const valueOf = new Map(newestFirst.map(({ id, value }) => [id, value]))
    for (const field of ['param', 'tag'] as const) {
      for (const descending of [false, true]) {
        const orderBy = [{ field, key: 'depth', descending }]
        const all = await pages(context, { orderBy }, RUNS)
        expect(all.toSorted()).toEqual(newestFirst.map(({ id }) => id).toSorted())
        expect(await pages(context, { orderBy }, 3)).toEqual(all)
        const values = all.map((id) => valueOf.get(id))
        expect(values.filter((value) => value === undefined)).toEqual(values.slice(values.indexOf(undefined)))
        const equal = all.filter((id) => valueOf.get(id) === '9')
        expect(equal).toEqual(newestFirst.filter(({ value }) => value === '9').map(({ id }) => id))
        const long = values.filter((value): value is string => value?.startsWith('aaa') === true)
        expect(long).toEqual(descending ? long.toSorted().toReversed() : long.toSorted())
        const filter = { field: 'metric', key: 'auc', operator: '>', value: 1 } as const
        const some = new Set(await pages(context, { filter }, RUNS))
        expect(some.size).toBeLessThan(all.length)
        expect(await pages(context, { orderBy, filter }, 3)).toEqual(all.filter((id) => some.has(id)))
      }
    }
  })
})
