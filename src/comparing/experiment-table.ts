import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Filter } from '../search/search.ts'
import { type Lifecycle, searchExperiments } from '../tracking/tracking.ts'
import { TAGS } from '../tracking/schema.ts'
import type { ExperimentRow } from './schema.ts'
import { countRunsOfExperiments } from './store-table.ts'

/** Experiments with what they hold, newest first; `containing` is a part of the name, in any case. */
export async function readExperimentTable(
  context: Pick<Context, 'db' | 'clock'>,
  input: Caller & { containing: string; lifecycle: Lifecycle; limit: number; pageToken?: string | undefined },
): Promise<{ experiments: ExperimentRow[]; nextPageToken?: string }> {
  const { projectId, actor, containing, lifecycle } = input
  requirePermission(actor, 'view', projectId)
  const filter: Filter =
    containing === ''
      ? { and: [] }
      : { field: 'attribute', key: 'name', operator: 'ilike', value: `%${containing}%` }
  const { experiments, ...next } = await searchExperiments(context, { ...input, filter, orderBy: [] })
  const ids = experiments.map(({ id }) => id)
  const counts = await countRunsOfExperiments(context.db.read, ids, lifecycle)
  const rows = experiments.map((experiment): ExperimentRow => {
    const counted = counts.get(experiment.id)
    return {
      ...experiment,
      runs: counted?.runs ?? 0,
      ...(counted && { lastRunMs: counted.lastRunMs }),
      note: experiment.tags.find(({ key }) => key === TAGS.note)?.value ?? '',
    }
  })
  return { experiments: rows, ...next }
}
