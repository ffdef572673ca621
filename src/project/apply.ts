import { declareDatasets } from '../data/data.ts'
import { declareFeatures } from '../features/features.ts'
import { requireNoLeaks } from '../leakage/leakage.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson, sha256 } from '../kernel/json.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Snapshot } from '../ports/artifacts/code-snapshot.ts'
import { declareMonitors } from '../monitoring/monitoring.ts'
import { declarePipelines } from '../pipelines/pipelines.ts'
import { applyModelDefinitions, requireMayDeclare } from '../registry/registry.ts'
import { declareDeployments } from '../rollout/rollout.ts'
import { changesBetween, type Change } from './changes.ts'
import type { ProjectDefinition } from './definition.ts'
import { snapshotBytes } from './snapshot.ts'
import { findNewestVersion, findVersion, insertVersion, listVersionRows, setApplied } from './store.ts'
import type { ProjectVersionRow } from './tables.ts'

export { referencedBlobs } from './store.ts'
export { lineage } from './store-lineage.ts'

type Reach = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock' | 'ids' | 'config'>

export interface ApplyProject extends Caller {
  definition: ProjectDefinition
  snapshot: Snapshot
  /** The project's folder: relative paths of sources start there. */
  directory: string
  /** Its `node_modules` on this machine. */
  dependencies?: string | undefined
}

export interface ProjectVersion {
  id: string
  number: number
  snapshot: string
  createdMs: number
  appliedMs: number | null
}

export interface Applied {
  version: ProjectVersion
  /** False when the very same version was the newest already. */
  created: boolean
  changes: Change[]
}

/** What every room is given of a project version. */
interface Declaration extends Omit<ApplyProject, 'snapshot'> {
  projectVersionId: string
  snapshot: string
}

/** Each room takes over its part, in this order and each in its own transaction; doing it again changes nothing. */
const ROOMS: readonly ((context: Reach, declaration: Declaration) => Promise<void>)[] = [
  (context, { definition, ...rest }) =>
    declareDatasets(context, { ...rest, datasets: definition.data.datasets }),
  (context, { definition, projectId, actor }) =>
    context.db.write((trx) =>
      applyModelDefinitions(context, trx, { projectId, actor, definitions: definition.registry.models }),
    ),
  (context, { definition, ...rest }) =>
    declarePipelines(context, { ...rest, dependencies: rest.dependencies, definition: definition.pipelines }),
  (context, { definition, ...rest }) =>
    declareFeatures(context, { ...rest, definitions: definition.features }),
  (context, { definition, ...rest }) =>
    declareDeployments(context, { ...rest, deployments: definition.serving.deployments }),
  (context, { definition, ...rest }) =>
    declareMonitors(context, { ...rest, monitors: definition.monitoring.monitors }),
]

/**
 * Stores a project version, immutable, and lets every room take over its part. Applying the newest version again makes
 * no new one, but lets the rooms take over what an interruption left undone.
 */
export async function applyProject(context: Reach, input: ApplyProject): Promise<Applied> {
  const { projectId, actor, definition, snapshot } = input
  requirePermission(actor, 'maintain', projectId)
  const { db, artifacts } = context
  requireFiles(definition, snapshot)
  await requireNoLeaks(context, { definitions: definition.features, datasets: definition.data.datasets })
  await requireMayDeclare(db.read, { projectId, actor, definitions: definition.registry.models })
  const blob = await artifacts.put(snapshotBytes(snapshot))
  const digest = hashJson({ definition, snapshot: blob.sha256 })
  const before = await findNewestVersion(db.read, projectId)
  const row = await db.write(async (trx) => {
    const newest = await findNewestVersion(trx, projectId)
    if (newest?.digest === digest) return newest
    const nowMs = await db.wallTime(trx)
    await recordBlob(trx, { projectId, blob, nowMs })
    const made: ProjectVersionRow = {
      id: context.ids.uuid(),
      project_id: projectId,
      number: (newest?.number ?? 0) + 1,
      digest,
      definition_json: JSON.stringify(definition),
      snapshot_sha256: blob.sha256,
      actor_id: actor.id,
      created_ms: nowMs,
      applied_ms: null,
    }
    await insertVersion(trx, made)
    await audit(trx, {
      projectId,
      actor,
      action: 'project.apply',
      subject: made.id,
      detail: { number: made.number },
    })
    return made
  })
  const declaration = { ...input, projectVersionId: row.id, snapshot: blob.sha256 }
  for (const declare of ROOMS) await declare(context, declaration)
  if (row.applied_ms === null) await markApplied(context, row)
  const old = before && (JSON.parse(before.definition_json) as ProjectDefinition)
  return { version: toVersion(row), created: before?.id !== row.id, changes: changesBetween(old, definition) }
}

async function markApplied({ db, clock }: Reach, row: ProjectVersionRow): Promise<void> {
  await db.write(async (trx) => {
    await setApplied(trx, row.id, await db.wallTime(trx))
    const payload = { versionId: row.id }
    await appendEvent(trx, { projectId: row.project_id, kind: 'project.applied', payload, atMs: clock.now() })
  })
}

/** What definitions say of the code must be true of the snapshot: the fingerprints rest on it. */
function requireFiles({ pipelines }: ProjectDefinition, { files }: Snapshot): void {
  const hashes = new Map(
    Object.entries(files).map(([path, { base64 }]) => [path, sha256(Buffer.from(base64, 'base64'))]),
  )
  for (const { name, module, code, files: declared } of pipelines.steps) {
    const wrong = Object.entries({ ...code, ...declared }).find(
      ([path, hash]) => hashes.get(path) !== hash,
    )?.[0]
    const missing = wrong ?? (module === undefined || hashes.has(module) ? undefined : module)
    if (missing === undefined) continue
    throw new AppError(
      'invalid',
      `The step ${name} names ${missing}, which the code snapshot lacks or has otherwise`,
    )
  }
}

/** The name that the newest project version gives itself; undefined before the first. */
export async function findProjectName(
  { db }: Pick<Context, 'db'>,
  { projectId }: { projectId: string },
): Promise<string | undefined> {
  const newest = await findNewestVersion(db.read, projectId)
  return newest && (JSON.parse(newest.definition_json) as ProjectDefinition).name
}

export async function getProjectVersion(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<ProjectVersion & { definition: ProjectDefinition }> {
  requirePermission(actor, 'view', projectId)
  const row = await findVersion(db.read, projectId, id)
  if (!row) throw new AppError('not_found', `There is no project version ${id}`)
  return { ...toVersion(row), definition: JSON.parse(row.definition_json) as ProjectDefinition }
}

export async function listProjectVersions(
  { db }: Pick<Context, 'db'>,
  input: Caller & { limit: number; below?: number | undefined },
): Promise<ProjectVersion[]> {
  requirePermission(input.actor, 'view', input.projectId)
  const { projectId, limit, below } = input
  return (await listVersionRows(db.read, { projectId, limit, below })).map(toVersion)
}

function toVersion(row: ProjectVersionRow): ProjectVersion {
  return {
    id: row.id,
    number: row.number,
    snapshot: row.snapshot_sha256,
    createdMs: row.created_ms,
    appliedMs: row.applied_ms,
  }
}
