import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { folderOf, isStoredHere } from './artifact-uris.ts'
import type { OrphanedFolder, TrashItem } from './schema.ts'
import {
  BELONGINGS,
  deleteBelongings,
  deleteFilesPiece,
  deletePurged,
  listDeletedExperiments,
  listDeletedModels,
  listDeletedRuns,
  listExisting,
  listFilePaths,
  listPurging,
  markExperiment,
  markModels,
  markRuns,
  PIECE,
  sumFiles,
  type DeletedRow,
  type TrashScope,
} from './store-trash.ts'

const OWNERS_AT_ONCE = 100

/** Of what is asked for, what something else still refers to, with the reason. Asked again in the transaction that purges. */
export type ReasonsToKeep = (
  at: Queryable,
  ids: { runIds: readonly string[]; loggedModelIds: readonly string[] },
) => Promise<Map<string, string>>

/** What has been deleted, by kind and id: it can be restored, or purged. Sizes are those of the files; bytes that others share are counted too. */
export async function listTrash(
  { db }: Pick<Context, 'db'>,
  input: Caller & Omit<TrashScope, 'projectId'> & { reasonsToKeep: ReasonsToKeep },
): Promise<TrashItem[]> {
  requirePermission(input.actor, 'view', input.projectId)
  const items: TrashItem[] = []
  for (const kind of ['run', 'logged-model'] as const)
    for await (const { rows, kept } of deletedPages(db.read, input, kind))
      for (const row of rows) items.push(await itemOf(db.read, input.projectId, kind, row, kept.get(row.id)))
  const goes = (experimentId: string): number =>
    items.filter((item) => item.experimentId === experimentId && item.keptBy === undefined).length
  for (const { id, name, deleted_ms: deletedMs, holds } of await listDeletedExperiments(db.read, input)) {
    const stays = holds - goes(id)
    const keptBy = stays > 0 ? { keptBy: `${stays} runs or logged models that stay` } : {}
    items.push({ kind: 'experiment', id, name, experimentId: id, deletedMs, files: 0, bytes: 0, ...keptBy })
  }
  return items
}

async function* deletedPages(
  at: Queryable,
  scope: TrashScope & { reasonsToKeep: ReasonsToKeep },
  kind: 'run' | 'logged-model',
): AsyncGenerator<{ rows: DeletedRow[]; kept: Map<string, string> }> {
  let after = ''
  for (;;) {
    const list = kind === 'run' ? listDeletedRuns : listDeletedModels
    const rows = await list(at, scope, { after, limit: PIECE })
    const ids = rows.map(({ id }) => id)
    const asked = kind === 'run' ? { runIds: ids, loggedModelIds: [] } : { runIds: [], loggedModelIds: ids }
    if (rows.length > 0) yield { rows, kept: await scope.reasonsToKeep(at, asked) }
    if (rows.length < PIECE) return
    after = ids.at(-1)!
  }
}

async function itemOf(
  at: Queryable,
  projectId: string,
  kind: 'run' | 'logged-model',
  row: DeletedRow,
  keptBy: string | undefined,
): Promise<TrashItem> {
  const { id, name, experiment_id: experimentId, deleted_ms: deletedMs, artifact_uri } = row
  const size = isStoredHere(artifact_uri)
    ? await sumFiles(at, projectId, folderOf(artifact_uri))
    : { files: 0, bytes: 0 }
  return { kind, id, name, experimentId, deletedMs, ...size, ...(keptBy !== undefined && { keptBy }) }
}

/**
 * Purges what was deleted at `beforeMs` or earlier and nothing refers to: it is taken out of the project at once, and then deleted in transactions of
 * up to 500 rows. Killed half-way it goes on the next time. Names of purged experiments are free again.
 */
export async function emptyTrash(
  { db }: Pick<Context, 'db'>,
  input: Caller & Omit<TrashScope, 'projectId'> & { reasonsToKeep: ReasonsToKeep },
): Promise<void> {
  const { projectId, actor } = input
  requirePermission(actor, 'administer', projectId)
  for (const kind of ['run', 'logged-model'] as const)
    for await (const { rows } of deletedPages(db.read, input, kind))
      await db.write((trx) =>
        markPiece(
          trx,
          input,
          kind,
          rows.map(({ id }) => id),
        ),
      )
  for (const { id } of await listDeletedExperiments(db.read, input))
    await db.write(async (trx) => {
      const [still] = await listDeletedExperiments(trx, { ...input, experimentId: id })
      if (!still || still.holds > 0) return
      await markExperiment(trx, input, id)
      const detail = { name: still.name }
      await audit(trx, { projectId, actor, action: 'tracking.purge_experiment', subject: id, detail })
    })
  for (const table of ['run', 'logged_model', 'experiment'] as const)
    await deleteMarked({ db }, projectId, table)
}

async function markPiece(
  trx: Trx,
  input: Caller & TrashScope & { reasonsToKeep: ReasonsToKeep },
  kind: 'run' | 'logged-model',
  ids: readonly string[],
): Promise<void> {
  const { projectId, actor } = input
  const asked = kind === 'run' ? { runIds: ids, loggedModelIds: [] } : { runIds: [], loggedModelIds: ids }
  const kept = await input.reasonsToKeep(trx, asked)
  const due = ids.filter((id) => !kept.has(id))
  if (due.length === 0) return
  const marked = await (kind === 'run' ? markRuns : markModels)(trx, input, due)
  if (marked.length === 0) return
  const action = kind === 'run' ? 'tracking.purge_runs' : 'tracking.purge_logged_models'
  await audit(trx, { projectId, actor, action, subject: marked[0]!, detail: { ids: marked } })
}

/** Rows of the thing itself go last, so that nothing is forgotten when this is killed. */
async function deleteMarked(
  { db }: Pick<Context, 'db'>,
  projectId: string,
  table: keyof typeof BELONGINGS,
): Promise<void> {
  for (;;) {
    const owners = await listPurging(db.read, table, projectId, OWNERS_AT_ONCE)
    if (owners.length === 0) return
    const ids = owners.map(({ id }) => id)
    for (const belongings of BELONGINGS[table])
      while ((await db.write((trx) => deleteBelongings(trx, belongings, ids))) === PIECE);
    for (const { artifact_uri } of table === 'experiment' ? [] : owners)
      if (isStoredHere(artifact_uri)) await deleteFolder({ db }, projectId, folderOf(artifact_uri))
    await db.write((trx) => deletePurged(trx, table, ids))
  }
}

async function deleteFolder({ db }: Pick<Context, 'db'>, projectId: string, folder: string): Promise<void> {
  while ((await db.write((trx) => deleteFilesPiece(trx, projectId, folder))) === PIECE);
}

/** Artifact folders of runs and logged models that exist no more, and whose files are as old; `remove` deletes them. */
export async function sweepOrphans(
  { db }: Pick<Context, 'db'>,
  input: Caller & { beforeMs: number; remove: boolean },
): Promise<OrphanedFolder[]> {
  const { projectId, actor, remove } = input
  requirePermission(actor, remove ? 'administer' : 'view', projectId)
  const orphans: OrphanedFolder[] = []
  let after = ''
  for (;;) {
    const paths = await listFilePaths(db.read, input, after)
    for (const folder of await orphanedFolders(db.read, paths)) {
      if (orphans.at(-1)?.folder === folder) continue
      orphans.push({ folder, ...(await sumFiles(db.read, projectId, folder)) })
    }
    if (paths.length < PIECE) break
    after = paths.at(-1)!
  }
  for (const { folder, files } of remove ? orphans : []) {
    await deleteFolder({ db }, projectId, folder)
    const entry = { projectId, actor, action: 'tracking.purge_artifacts', subject: folder, detail: { files } }
    await db.write((trx) => audit(trx, entry))
  }
  return orphans
}

/** `<experiment>/<run>/artifacts` and `<experiment>/models/<logged model>/artifacts`, where there is no such run or logged model. */
async function orphanedFolders(at: Queryable, paths: readonly string[]): Promise<string[]> {
  const folders = new Map<string, { table: 'run' | 'logged_model'; id: string }>()
  for (const path of paths) {
    const run = /^(\d+\/([0-9a-f]{32})\/artifacts)\//.exec(path)
    const model = /^(\d+\/models\/(m-[0-9a-f]{32})\/artifacts)\//.exec(path)
    if (run) folders.set(run[1]!, { table: 'run', id: run[2]! })
    else if (model) folders.set(model[1]!, { table: 'logged_model', id: model[2]! })
  }
  const idsOf = (table: 'run' | 'logged_model'): string[] =>
    [...folders.values()].filter((owner) => owner.table === table).map(({ id }) => id)
  const there = new Set([
    ...(await listExisting(at, 'run', idsOf('run'))),
    ...(await listExisting(at, 'logged_model', idsOf('logged_model'))),
  ])
  return [...folders].filter(([, { id }]) => !there.has(id)).map(([folder]) => folder)
}
