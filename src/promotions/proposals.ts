import { addReview, isOwnedBy } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Actor, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import {
  findVersionRowById,
  getModelRow,
  getVersionRow,
  requireAliasName,
  type ModelVersionRow,
} from '../registry/registry.ts'
import { versionDigest } from './digest.ts'
import { gatherEvidence } from './evidence.ts'
import { holderOf, reviewedDigest, standingOf, type Standing } from './checks.ts'
import { change, finish, nameOf, quoted, requireOpen, tell } from './record.ts'
import type { PromotionDetail } from './schema.ts'
import { canReview, getPromotion } from './views.ts'
import { getPromotionRow, insertPromotion } from './store.ts'
import type { PromotionRow } from './tables.ts'

type Writes = Pick<Context, 'db' | 'clock'>
type Gathers = Writes & Pick<Context, 'ids' | 'artifacts'>

interface OpenPromotion extends Caller {
  model: string
  version: number
  alias: string
  /** Markdown. */
  reason: string
}

/**
 * Proposes to point an alias at a version, with what speaks for it beside the version that holds the alias now. Throws `conflict` when the
 * alias points there already, `already_exists` when such a promotion is open.
 */
export async function openPromotion(context: Gathers, input: OpenPromotion): Promise<PromotionDetail> {
  const { db, ids, clock } = context
  const { projectId, actor, model, version, alias, reason } = input
  requirePermission(actor, 'contribute', projectId)
  requireAliasName(alias)
  if (reason.trim() === '')
    throw new AppError('invalid', 'A promotion needs a reason: what makes this version better')
  const modelRow = await getModelRow(db.read, projectId, model)
  const versionRow = await getVersionRow(db.read, modelRow, version)
  const gathered = await gather(context, { projectId, actor }, { versionRow, alias })
  if (gathered.row.holder_version === version)
    throw new AppError('conflict', `${alias} points at ${model}/${version} already`)
  const nowMs = clock.now()
  const row: PromotionRow = {
    id: ids.uuid(),
    project_id: projectId,
    model_id: modelRow.id,
    alias,
    model_version_id: versionRow.id,
    version,
    ...gathered.row,
    reason,
    author_id: actor.id,
    author_name: actor.name,
    state: 'open',
    open_key: `${modelRow.id}/${alias}/${version}`,
    revision: 1,
    finished_by: null,
    sentence: null,
    finished_ms: null,
    created_ms: nowMs,
    updated_ms: nowMs,
  }
  try {
    await db.write(async (trx) => {
      await insertPromotion(trx, row)
      await tell(context, trx, {
        promotion: { ...row, model_name: model },
        actor,
        action: 'open',
        state: 'open',
      })
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError('already_exists', `A promotion of ${model}/${version} to ${alias} is open already`, {
      cause: error,
    })
  }
  return await getPromotion(context, { projectId, actor, id: row.id })
}

/** What is stored of a promotion when it is opened or refreshed. */
async function gather(
  context: Gathers,
  caller: Caller,
  { versionRow, alias }: { versionRow: ModelVersionRow; alias: string },
): Promise<{ row: Pick<PromotionRow, 'digest' | 'holder_version' | 'holder_digest' | 'evidence_json'> }> {
  const digest = await versionDigest(context.db.read, versionRow)
  const holder = await holderOf(context.db.read, versionRow.model_id, alias)
  const evidence = await gatherEvidence(context, caller, {
    candidate: versionRow,
    holder: holder?.row ?? null,
  })
  return {
    row: {
      digest,
      holder_version: holder?.row.version ?? null,
      holder_digest: holder?.digest ?? null,
      evidence_json: JSON.stringify(evidence),
    },
  }
}

/** Gathers the evidence anew for a promotion whose version or holder has changed. Approvals of what was there before are void. */
export async function refreshPromotion(
  context: Gathers,
  { projectId, actor, id }: Caller & { id: string },
): Promise<PromotionDetail> {
  const { db, clock } = context
  const promotion = await getPromotionRow(db.read, projectId, id)
  requireAuthorOr('maintain', actor, promotion)
  requireOpen(promotion)
  const versionRow = await findVersionRowById(db.read, projectId, promotion.model_version_id)
  if (!versionRow || versionRow.deleted_ms !== null)
    throw new AppError('conflict', `${nameOf(promotion)} was deleted: withdraw the promotion`)
  const { row } = await gather(context, { projectId, actor }, { versionRow, alias: promotion.alias })
  if (row.holder_version === promotion.version)
    throw new AppError(
      'conflict',
      `${promotion.alias} points at ${nameOf(promotion)} already: withdraw the promotion`,
    )
  await db.write(async (trx) => {
    await change(trx, promotion, { ...row, updated_ms: clock.now() })
    await tell(context, trx, { promotion, actor, action: 'refresh', state: 'open' })
  })
  return await getPromotion(context, { projectId, actor, id })
}

export interface ReviewPromotion extends Caller {
  id: string
  verdict: 'approved' | 'declined'
  /** Markdown. */
  body: string
  /** What the reviewer looked at, as the promotion gave it: an approval is of this and of nothing else. */
  digest: string
}

/** Approves or declines; one decline by someone whose word counts ends it. Throws `conflict` when what was looked at is another now. */
export async function reviewPromotion(
  context: Writes & Pick<Context, 'ids'>,
  input: ReviewPromotion,
): Promise<PromotionDetail> {
  const { db, clock, ids } = context
  const { projectId, actor, id, verdict, body, digest } = input
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const promotion = await getPromotionRow(trx, projectId, id)
    requireOpen(promotion)
    const standing = await standingOf(trx, promotion)
    if (!(await canReview(trx, standing, promotion, actor))) throw mayNotReview(actor, standing)
    if (standing.isStale || digest !== reviewedDigest(promotion))
      throw new AppError(
        'conflict',
        'What you looked at is not what is there now: refresh the promotion and look again',
      )
    const isOwner = await isOwnedBy(trx, standing.model.owner, actor)
    const subject = { subjectType: 'promotion', subjectId: id } as const
    await addReview(trx, {
      ...subject,
      id: ids.uuid(),
      projectId,
      actor,
      verdict,
      body,
      digest,
      isOwner,
      atMs: clock.now(),
    })
    if (verdict === 'declined') {
      const sentence = `${actor.name} declined to point ${promotion.alias} at ${nameOf(promotion)}${quoted(body)}.`
      return await finish(context, trx, { promotion, standing, actor, state: 'declined', sentence })
    }
    await change(trx, promotion, { updated_ms: clock.now() })
    await tell(context, trx, { promotion, actor, action: 'approve', state: 'open' })
  })
  return await getPromotion(context, { projectId, actor, id })
}

function mayNotReview(actor: Actor, { policy }: Standing): AppError {
  const from = policy?.from ?? 'contributor'
  const who = from === 'owner' ? 'the owner of the model' : `the role ${from} or above`
  const others = policy?.byOthers === false ? '' : ', and not who opened it or registered the version'
  return new AppError('denied', `${actor.name} may not review this promotion: it needs ${who}${others}`)
}

export async function withdrawPromotion(
  context: Writes,
  { projectId, actor, id, reason = '' }: Caller & { id: string; reason?: string | undefined },
): Promise<PromotionDetail> {
  await context.db.write(async (trx) => {
    const promotion = await getPromotionRow(trx, projectId, id)
    requireAuthorOr('maintain', actor, promotion)
    requireOpen(promotion)
    const standing = await standingOf(trx, promotion)
    const sentence = `${actor.name} withdrew the promotion of ${nameOf(promotion)} to ${promotion.alias}${quoted(reason)}.`
    await finish(context, trx, { promotion, standing, actor, state: 'withdrawn', sentence })
  })
  return await getPromotion(context, { projectId, actor, id })
}

function requireAuthorOr(
  permission: 'maintain',
  actor: Actor,
  { author_id, project_id }: PromotionRow,
): void {
  requirePermission(actor, author_id === actor.id ? 'contribute' : permission, project_id)
}
