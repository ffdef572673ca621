import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Dataset } from './schema.ts'
import { listDatasets } from './store.ts'
import {
  deleteParts,
  listKept,
  listOldVersions,
  listPartHashes,
  listUnreleased,
  lockDataset,
  updateDeleted,
  updateReleased,
  updateRestored,
  type OldVersion,
} from './store-retention.ts'
import { loadManifest } from './versions.ts'

const BATCH = 200

/** Of these dataset versions, those that a room's rows refer to, with what that is; runs that have ended count when they began at that time or later. */
type ListVersionUses = (
  at: Queryable,
  ids: readonly string[],
  endedRunsFromMs: number,
) => Promise<{ id: string; what: string }[]>

/** A version that a dataset's `keep` lets go; with `keptBy` it stays for what refers to it. */
export interface OutdatedVersion {
  dataset: string
  number: number
  rows: number
  sizeBytes: number
  createdMs: number
  why: string
  keptBy?: string
}

interface Retention extends Caller {
  /** Asks every room above this one. */
  listUses: ListVersionUses
}

/** What `deleteOutdatedVersions` would delete, and what it would keep for its uses. Changes nothing. */
export async function listOutdatedVersions(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, listUses }: Retention,
): Promise<OutdatedVersion[]> {
  requirePermission(actor, 'view', projectId)
  const found: OutdatedVersion[] = []
  for (const { dataset, why, old } of await listOld({ db, clock }, projectId)) {
    const uses = await usesOf(db.read, listUses, old, runsFrom({ clock }, dataset))
    found.push(...old.map((version) => toOutdated(dataset, version, why, uses.get(version.id))))
  }
  return found
}

/**
 * Takes the rows of versions that their dataset's `keep` lets go and that nothing refers to: their manifests and the parts that only
 * they held become garbage. Their numbers, facts and summaries stay. Any number of processes may call it beside all others.
 */
export async function deleteOutdatedVersions(
  context: Pick<Context, 'db' | 'clock' | 'artifacts'>,
  { projectId, actor, listUses }: Retention,
): Promise<OutdatedVersion[]> {
  requirePermission(actor, 'maintain', projectId)
  const { db, clock } = context
  const found: OutdatedVersion[] = []
  for (const { dataset, why, old } of await listOld(context, projectId)) {
    for (let start = 0; start < old.length; start += BATCH) {
      const batch = old.slice(start, start + BATCH)
      found.push(
        ...(await db.write(async (trx) => {
          // Locked by the change first: a reference that comes now waits, one that came before is seen.
          const ids = new Set(
            await updateDeleted(
              trx,
              batch.map(({ id }) => id),
              { atMs: clock.now(), why },
            ),
          )
          const touched = batch.filter(({ id }) => ids.has(id))
          const uses = await usesOf(trx, listUses, touched, runsFrom({ clock }, dataset))
          await updateRestored(trx, [...uses.keys()])
          const gone = touched.filter(({ id }) => !uses.has(id))
          if (gone.length > 0) await auditDeleted(trx, { projectId, actor, dataset, why, gone })
          return touched.map((version) => toOutdated(dataset, version, why, uses.get(version.id)))
        })),
      )
    }
  }
  for (const datasetId of await listUnreleased(db.read, projectId)) await releaseParts(context, datasetId)
  return found
}

async function listOld(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  projectId: string,
): Promise<{ dataset: Dataset; why: string; old: OldVersion[] }[]> {
  const datasets = (await listDatasets(db.read, projectId)).filter(
    ({ declared, definition }) => declared && definition.keep !== undefined,
  )
  return await Promise.all(
    datasets.map(async (dataset) => {
      const { versions, days } = dataset.definition.keep!
      const beforeMs = days === undefined ? clock.now() + 1 : clock.now() - days * DAY_MS
      const old = await listOldVersions(db.read, dataset.id, { newest: versions ?? 1, beforeMs })
      return { dataset, why: ruleText(versions, days), old }
    }),
  )
}

function ruleText(versions: number | undefined, days: number | undefined): string {
  const rules = [
    ...(versions === undefined
      ? []
      : [versions === 1 ? 'the newest version' : `the newest ${versions} versions`]),
    ...(days === undefined ? [] : [`${days} ${days === 1 ? 'day' : 'days'}`]),
  ]
  return `keep ${rules.join(' and ')}`
}

async function usesOf(
  at: Queryable,
  listUses: ListVersionUses,
  versions: readonly OldVersion[],
  endedRunsFromMs: number,
): Promise<Map<string, string>> {
  if (versions.length === 0) return new Map()
  const uses = await listUses(
    at,
    versions.map(({ id }) => id),
    endedRunsFromMs,
  )
  return new Map(uses.map(({ id, what }) => [id, what]))
}

/** Since when runs that have ended hold versions of a dataset. */
function runsFrom({ clock }: Pick<Context, 'clock'>, { definition }: Dataset): number {
  const { runDays } = definition.keep!
  return runDays === undefined ? 0 : clock.now() - runDays * DAY_MS
}

function toOutdated(
  { name }: Dataset,
  { number, rows, size_bytes, created_ms }: OldVersion,
  why: string,
  keptBy: string | undefined,
): OutdatedVersion {
  const version = { dataset: name, number, rows, sizeBytes: size_bytes, createdMs: created_ms, why }
  return keptBy === undefined ? version : { ...version, keptBy }
}

async function auditDeleted(
  trx: Trx,
  input: Caller & { dataset: Dataset; why: string; gone: readonly OldVersion[] },
): Promise<void> {
  const { projectId, actor, dataset, why, gone } = input
  await audit(trx, {
    projectId,
    actor,
    action: 'data.delete_versions',
    subject: dataset.name,
    detail: { versions: gone.map(({ number }) => number), why },
  })
}

/** Gives up the parts that no version with rows has. A version that comes meanwhile is seen, and it is done the next time. */
async function releaseParts(
  { db, clock, artifacts }: Pick<Context, 'db' | 'clock' | 'artifacts'>,
  datasetId: string,
): Promise<void> {
  const kept = await listKept(db.read, datasetId)
  const held = new Set<string>()
  for (const { manifest_sha256 } of kept) {
    const { parts } = await loadManifest({ artifacts }, { manifestSha256: manifest_sha256 })
    for (const { sha256 } of parts) held.add(sha256)
  }
  const free = (await listPartHashes(db.read, datasetId)).filter((hash) => !held.has(hash))
  const known = kept.map(({ id }) => id).join(' ')
  for (let start = 0; ; start += BATCH) {
    const batch = free.slice(start, start + BATCH)
    const goesOn = await db.write(async (trx) => {
      await lockDataset(trx, datasetId)
      if ((await listKept(trx, datasetId)).map(({ id }) => id).join(' ') !== known) return false
      await deleteParts(trx, datasetId, batch)
      if (start + BATCH < free.length) return true
      await updateReleased(trx, datasetId, clock.now())
      return false
    })
    if (!goesOn) return
  }
}
