import { amount } from '../kernel/amount.ts'
import { compareVersions, getVersion } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import type { RunDetail } from '../tracking/schema.ts'
import type { ModelVersionRow } from '../registry/registry.ts'
import type { Side } from './schema.ts'

export interface KnownData {
  side: NonNullable<Side['data']>
  /** Names with types; empty when they are not known. */
  columns: Map<string, string>
  manifestSha256?: string
}

/** What a version was trained on: the dataset version of its lineage, else the dataset that its run logged. */
export async function describeData(
  context: Pick<Context, 'db'>,
  { row, run }: { row: ModelVersionRow; run: RunDetail | undefined },
): Promise<KnownData | undefined> {
  const { project_id: projectId, dataset_version_id: id } = row
  const version = id === null ? undefined : await getVersion(context, { projectId, id }).catch(ignoreMissing)
  if (version) {
    const { dataset, number, rows, minTimeMs, maxTimeMs, schema, manifestSha256 } = version
    return {
      side: {
        name: dataset,
        version: `v${number}`,
        rows,
        ...(minTimeMs !== null && { fromMs: minTimeMs }),
        ...(maxTimeMs !== null && { toMs: maxTimeMs }),
      },
      columns: new Map(schema.map(({ name, type }) => [name, type])),
      manifestSha256,
    }
  }
  const logged =
    run?.datasets.find(({ tags }) => tags.some(({ value }) => /^train/i.test(value))) ?? run?.datasets[0]
  return logged && { side: { name: logged.name, version: logged.digest }, columns: new Map() }
}

/** Which files the two have otherwise, where both are versions of datasets that are kept here. */
export async function changedParts(
  context: Pick<Context, 'artifacts'>,
  candidate: KnownData | undefined,
  holder: KnownData | undefined,
): Promise<string[]> {
  const [after, before] = [candidate?.manifestSha256, holder?.manifestSha256]
  if (after === undefined || before === undefined || after === before) return []
  const { added, onlyAdded } = await compareVersions(
    context,
    { manifestSha256: before },
    { manifestSha256: after },
  )
  const rows = added.reduce((sum, part) => sum + part.rows, 0)
  return [
    `${added.length} new files with ${amount(rows)} rows`,
    onlyAdded ? 'all files of before are still in it' : 'some files of before are not in it any more',
  ]
}
