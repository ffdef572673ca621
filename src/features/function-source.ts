import type { Context } from '../http/context.ts'
import { parseSnapshot } from '../ports/artifacts/code-snapshot.ts'
import type { OnDemandDefinition } from './definition.ts'
import type { FeatureEntry } from './entries.ts'
import { listDefinitions, listLiveViews } from './store.ts'

const MAX_LENGTH = 100_000

/**
 * The text of the module with the function of an on-demand feature or of a view, as the project declares it now, cut off after 100,000
 * characters; null for what has no function, or was declared without its code.
 */
export async function functionSource(
  context: Pick<Context, 'db' | 'artifacts'>,
  { projectId, entry }: { projectId: string; entry: Pick<FeatureEntry, 'kind' | 'name'> },
): Promise<string | null> {
  const found = await moduleOf(context, projectId, entry)
  if (!found || found.snapshot === null) return null
  const bytes = await context.artifacts.bytes(found.snapshot)
  const { files } = parseSnapshot(JSON.parse(Buffer.from(bytes).toString('utf8')))
  const file = files[found.module]
  return file ? Buffer.from(file.base64, 'base64').toString('utf8').slice(0, MAX_LENGTH) : null
}

async function moduleOf(
  { db }: Pick<Context, 'db'>,
  projectId: string,
  { kind, name }: Pick<FeatureEntry, 'kind' | 'name'>,
): Promise<{ module: string; snapshot: string | null } | undefined> {
  if (kind === 'view') {
    const view = (await listLiveViews(db.read, { projectId, name })).find(({ current }) => current)
    return view?.spec.row && { module: view.spec.row.module, snapshot: view.codeSnapshot }
  }
  if (kind !== 'on_demand') return undefined
  const row = (await listDefinitions(db.read, projectId, 'on_demand')).find((each) => each.name === name)
  if (!row) return undefined
  const { module } = JSON.parse(row.definition_json) as OnDemandDefinition
  return { module, snapshot: row.code_snapshot }
}
