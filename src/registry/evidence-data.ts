import { getVersion } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import type { RunDetail } from '../tracking/schema.ts'
import type { Side } from './promotion-schema.ts'
import type { ModelVersionRow } from './tables.ts'

export interface KnownData {
  side: NonNullable<Side['data']>
  /** Names with types; empty when they are not known. */
  columns: Map<string, string>
}

/** What a version was trained on: the dataset version of its lineage, else the dataset that its run logged. */
export async function describeData(
  context: Pick<Context, 'db'>,
  { row, run }: { row: ModelVersionRow; run: RunDetail | undefined },
): Promise<KnownData | undefined> {
  const { project_id: projectId, dataset_version_id: id } = row
  const version = id === null ? undefined : await getVersion(context, { projectId, id }).catch(ignoreMissing)
  if (version) {
    const { dataset, number, rows, minTimeMs, maxTimeMs, schema } = version
    return {
      side: {
        name: dataset,
        version: `v${number}`,
        rows,
        ...(minTimeMs !== null && { fromMs: minTimeMs }),
        ...(maxTimeMs !== null && { toMs: maxTimeMs }),
      },
      columns: new Map(schema.map(({ name, type }) => [name, type])),
    }
  }
  const logged =
    run?.datasets.find(({ tags }) => tags.some(({ value }) => /^train/i.test(value))) ?? run?.datasets[0]
  return logged && { side: { name: logged.name, version: logged.digest }, columns: new Map() }
}
