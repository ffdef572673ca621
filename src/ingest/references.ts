import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import type { Dataset, DatasetVersion } from '../data/schema.ts'
import { latestVersion } from '../data/data.ts'

/** Versions of other datasets that a dataset's expectations look up values in, by their names. */
export type References = ReadonlyMap<string, DatasetVersion>

/** Pins the latest version of each. Throws `unavailable` while a dataset has none that a check of severity error needs. */
export async function pinReferences({ db }: Pick<Context, 'db'>, dataset: Dataset): Promise<References> {
  const pinned = new Map<string, DatasetVersion>()
  for (const expectation of dataset.definition.expect) {
    if (expectation.check !== 'references' || pinned.has(expectation.dataset)) continue
    const version = await latestVersion(
      { db },
      { projectId: dataset.projectId, dataset: expectation.dataset },
    )
    if (version) pinned.set(expectation.dataset, version)
    else if (expectation.severity === 'error') {
      throw new AppError(
        'unavailable',
        `${dataset.name}: values of ${expectation.columns.join(', ')} must be found in ${expectation.dataset}, which has no version yet`,
      )
    }
  }
  return pinned
}

/** What decides whether a file is good: a change of it gives files that were set aside a new chance. */
export function judgedBy(
  { definitionHash }: Pick<Dataset, 'definitionHash'>,
  references: References,
): string {
  if (references.size === 0) return definitionHash
  return hashJson([definitionHash, ...[...references.values()].map(({ contentHash }) => contentHash)])
}
