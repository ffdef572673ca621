import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { mayActor, requirePermission, type Actor, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { requireAliasName, STAGE_ALIAS } from './alias-names.ts'
import { AliasPolicy, type ModelDefinition } from './definition.ts'
import type { Protection, VersionUse } from './schema.ts'
import { findAliasRow, findModelRow, listAliases, lockModelRow } from './store.ts'
import { deleteProtection, listProtectionRows, upsertProtection } from './store-protection.ts'
import type { AliasProtectionRow, ModelVersionRow, RegisteredModelRow, Stage } from './tables.ts'

/** Past the protection of an alias: only an administrator may, and only with a reason, which is audited. */
export interface Force {
  reason: string
}

/** What must be so before an alias of a model moves; undefined for one that is not protected. */
export async function findPolicy(
  at: Queryable,
  modelId: string,
  alias: string,
): Promise<AliasPolicy | undefined> {
  return (await listProtections(at, modelId)).find((protection) => protection.alias === alias)?.policy
}

export async function listProtections(at: Queryable, modelId: string): Promise<Protection[]> {
  return (await listProtectionRows(at, [modelId])).map(toProtection)
}

/**
 * The one place where a protected alias is held. Returns whether it is forced; throws `denied` with the way to a promotion when it is neither
 * forced nor free to move. Pointing it where it points already is free.
 */
export async function requireMayMove(
  trx: Trx,
  { model, alias, to, actor, force }: MoveAlias & { model: RegisteredModelRow; to: number | undefined },
): Promise<boolean> {
  if (!(await findPolicy(trx, model.id, alias))) return false
  if ((await findAliasRow(trx, model.id, alias))?.version === to) return false
  if (!force) throw refusal(model.name, alias, to)
  requirePermission(actor, 'administer', model.project_id)
  if (force.reason.trim() === '')
    throw new AppError('invalid', `Forcing the protected alias ${alias} of ${model.name} needs a reason`)
  return true
}

interface MoveAlias {
  alias: string
  actor: Actor
  force: Force | undefined
}

/** Names the way to a promotion. */
export function refusal(model: string, alias: string, to: number | undefined): AppError {
  const version = to ?? '<version>'
  const message =
    `The alias ${alias} of ${model} is protected: it moves when a promotion is approved. ` +
    `Open one: tidemill promote ${model}/${version} --alias ${alias} --reason "…", or POST /api/v1/models/${encodeURIComponent(model)}/promotions. ` +
    'An administrator may force it there with a reason.'
  return new AppError('denied', message, { details: { model, alias } })
}

/** A stage is held as the alias that says the same: only the version that holds the alias enters it, and that version does not leave it. */
export async function requireMayStage(
  trx: Trx,
  {
    model,
    version,
    stage,
  }: { model: RegisteredModelRow; version: Pick<ModelVersionRow, 'version' | 'stage'>; stage: Stage },
): Promise<void> {
  if (stage === version.stage) return
  for (const alias of [STAGE_ALIAS[stage], STAGE_ALIAS[version.stage]]) {
    if (alias === undefined || !(await findPolicy(trx, model.id, alias))) continue
    const isHolder = (await findAliasRow(trx, model.id, alias))?.version === version.version
    const enters = alias === STAGE_ALIAS[stage]
    if (enters !== isHolder) throw refusal(model.name, alias, enters ? version.version : undefined)
  }
}

/** Throws `denied` when a version (or any version of the model) holds a protected alias: what would go with it. */
export async function requireHoldsNone(
  trx: Trx,
  { model, version, what: subject }: { model: RegisteredModelRow; version?: number; what: string },
): Promise<void> {
  const held = await heldAliases(trx, model.id, version)
  const [first] = usesOf(held)
  if (!first) return
  throw new AppError('denied', `${subject} can't be deleted: ${first.what}. ${first.instead}`, {
    details: { model: model.name, aliases: held },
  })
}

/** The protected aliases that a version, or any version of the model, holds: they keep it from being deleted. */
export async function listAliasUses(
  at: Queryable,
  { model, version }: { model: RegisteredModelRow; version?: number },
): Promise<VersionUse[]> {
  return usesOf(await heldAliases(at, model.id, version))
}

function usesOf(held: readonly string[]): VersionUse[] {
  if (held.length === 0) return []
  const instead =
    'Promote another version first, or let an administrator remove the alias with a reason (DELETE /api/v1/models/:name/aliases/:alias).'
  return [{ what: `it holds the protected alias ${held.join(', ')}`, instead }]
}

/** What asks for a protected alias by the model's name would get another model, or none. */
export async function requireMayRename(
  trx: Trx,
  { model, actor }: { model: RegisteredModelRow; actor: Actor },
): Promise<void> {
  const held = await heldAliases(trx, model.id, undefined)
  if (held.length === 0 || mayActor(actor, 'administer', model.project_id)) return
  throw new AppError(
    'denied',
    `${model.name} holds the protected alias ${held.join(', ')}: only an administrator may rename it`,
    { details: { model: model.name, aliases: held } },
  )
}

/** Where the owner approves promotions, who that is decides who may: then only an administrator changes it. */
export async function requireMayOwn(
  at: Queryable,
  { model, actor, owner }: { model: RegisteredModelRow; actor: Actor; owner: string },
): Promise<void> {
  if ((model.owner ?? '') === owner) return
  const approves = (await listProtections(at, model.id)).some(({ policy }) => policy.from === 'owner')
  requirePermission(actor, approves ? 'administer' : 'contribute', model.project_id)
}

async function heldAliases(at: Queryable, modelId: string, version: number | undefined): Promise<string[]> {
  const guarded = new Set((await listProtections(at, modelId)).map(({ alias }) => alias))
  return (await listAliases(at, [modelId]))
    .filter((row) => guarded.has(row.alias) && (version === undefined || row.version === version))
    .map(({ alias }) => alias)
}

/** Protects an alias by hand; what the project declares for it comes back when the project is applied again. Weakening needs an administrator. */
export async function setProtection(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, model, alias, policy }: Caller & { model: string; alias: string; policy: AliasPolicy },
): Promise<void> {
  requirePermission(actor, 'maintain', projectId)
  requireAliasName(alias)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, model)
    const before = await findPolicy(trx, row.id, alias)
    if (isWeaker(before, policy)) requireAdministrator(actor, { projectId, model, alias })
    const nowMs = clock.now()
    await upsertProtection(trx, protectionRow(row, { alias, policy, declared: 0, nowMs }))
    const detail = { alias, policy, before: before ?? null }
    await audit(trx, { projectId, actor, action: 'registry.protect_alias', subject: model, detail })
    await appendEvent(trx, { projectId, kind: 'model.changed', payload: { model }, atMs: nowMs })
  })
}

export async function removeProtection(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, model, alias }: Caller & { model: string; alias: string },
): Promise<void> {
  requirePermission(actor, 'administer', projectId)
  await db.write(async (trx) => {
    const row = await lockModelRow(trx, projectId, model)
    const before = await findPolicy(trx, row.id, alias)
    if (!before) throw new AppError('not_found', `The alias ${alias} of ${model} is not protected`)
    await deleteProtection(trx, row.id, alias)
    const detail = { alias, before }
    await audit(trx, { projectId, actor, action: 'registry.unprotect_alias', subject: model, detail })
    await appendEvent(trx, { projectId, kind: 'model.changed', payload: { model }, atMs: clock.now() })
  })
}

/** Takes over what a project declares for a model; what was set by hand for other aliases stays. */
export async function declareProtections(
  trx: Trx,
  {
    model,
    protect,
    nowMs,
  }: { model: RegisteredModelRow; protect: ModelDefinition['protect']; nowMs: number },
): Promise<void> {
  const known = await listProtections(trx, model.id)
  for (const { alias, declared } of known)
    if (declared && !(alias in protect)) await deleteProtection(trx, model.id, alias)
  for (const [alias, policy] of Object.entries(protect)) {
    requireAliasName(alias)
    await upsertProtection(trx, protectionRow(model, { alias, policy, declared: 1, nowMs }))
  }
}

/** Throws `denied` when a project would weaken a protection, which only an administrator may. Asked before anything of the project is taken over. */
export async function requireMayDeclare(
  at: Queryable,
  { projectId, actor, definitions }: Caller & { definitions: readonly ModelDefinition[] },
): Promise<void> {
  for (const { name, protect, owner } of definitions) {
    const row = await findModelRow(at, projectId, name)
    if (!row) continue
    if (owner !== undefined) await requireMayOwn(at, { model: row, actor, owner })
    for (const { alias, policy, declared } of await listProtections(at, row.id)) {
      const next = protect[alias] ?? (declared ? undefined : policy)
      if (isWeaker(policy, next)) requireAdministrator(actor, { projectId, model: name, alias })
    }
  }
}

function requireAdministrator(
  actor: Actor,
  { projectId, model, alias }: { projectId: string; model: string; alias: string },
): void {
  if (mayActor(actor, 'administer', projectId)) return
  throw new AppError(
    'denied',
    `${actor.name} may not weaken the protection of the alias ${alias} of ${model}: only an administrator may`,
    { details: { model, alias } },
  )
}

/** By strictness; the owner of a model is not comparable with a role. */
const RANK = { contributor: 0, maintainer: 1, admin: 2, owner: 3 } as const

function isWeaker(before: AliasPolicy | undefined, after: AliasPolicy | undefined): boolean {
  if (!before) return false
  if (!after) return true
  const comparable = before.from === after.from || (before.from !== 'owner' && after.from !== 'owner')
  return (
    after.approvals < before.approvals ||
    (before.byOthers && !after.byOthers) ||
    (before.gates && !after.gates) ||
    !comparable ||
    RANK[after.from] < RANK[before.from]
  )
}

function protectionRow(
  { id, project_id }: RegisteredModelRow,
  { alias, policy, declared, nowMs }: { alias: string; policy: AliasPolicy; declared: number; nowMs: number },
): AliasProtectionRow {
  const policy_json = JSON.stringify(policy)
  return { model_id: id, alias, project_id, policy_json, declared, created_ms: nowMs, updated_ms: nowMs }
}

function toProtection({ alias, policy_json, declared }: AliasProtectionRow): Protection {
  return { alias, policy: AliasPolicy.parse(JSON.parse(policy_json)), declared: declared === 1 }
}
