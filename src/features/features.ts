import type { Context } from '../http/context.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import type { FeatureServiceSpec } from './schema.ts'
import { listDefinitions } from './store.ts'

export { declareFeatures } from './declare.ts'
export { entryKinds, listEntries, type FeatureEntry } from './entries.ts'
export { functionSource } from './function-source.ts'
export { enqueueMaterialize, materializePayload } from './materialize-request.ts'
export { searchEntries } from './search.ts'
export { listServedFeatures } from './served.ts'
export {
  findView,
  isRetired,
  listDefinitions,
  listLiveViews,
  listViewsOfEntity,
  toView,
  updateRetired,
  updateRevived,
  type StoredView,
} from './store.ts'

/** The complete specification of a feature service as the project declares it now. */
export async function getService(
  { db }: Pick<Context, 'db'>,
  { projectId, name }: { projectId: string; name: string },
): Promise<FeatureServiceSpec> {
  const rows = await listDefinitions(db.read, projectId, 'service')
  const row = rows.find((each) => each.name === name)
  if (!row) {
    const names = rows.map((each) => each.name)
    throw unknownName('feature service', name, names)
  }
  return JSON.parse(row.definition_json) as FeatureServiceSpec
}
