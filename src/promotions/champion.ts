import { recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError, ignoreMissing } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import {
  CHAMPION,
  findAliasRow,
  findPolicy,
  findVersionByNumber,
  getModelRow,
  lockModelRow,
  pointAlias,
  refusal,
  type Force,
  type RegisteredModelRow,
} from '../registry/registry.ts'
import { standingOf } from './checks.ts'
import { mergePromotionIn, rollBackPromotionIn } from './merge.ts'
import { listPromotionRows } from './store.ts'

interface Served extends Caller {
  model: string
  version: number
}

/** Why a version may be brought behind a deployment, after which the alias `champion` follows it. */
export type ChampionAdmission =
  | { by: 'unprotected' }
  | { by: 'force' }
  | { by: 'promotion'; promotionId: string }

/**
 * Whether the alias `champion` may follow a version that is about to be deployed: it is not protected or points there, a promotion that has
 * all that its policy asks for is open, or an administrator forces it. Throws `denied` with the way to a promotion.
 */
export async function admitChampion(
  at: Queryable,
  { projectId, actor, model, version, force }: Served & { force: Force | undefined },
): Promise<ChampionAdmission> {
  const row = await getModelRow(at, projectId, model)
  if (!(await findPolicy(at, row.id, CHAMPION))) return { by: 'unprotected' }
  if ((await findAliasRow(at, row.id, CHAMPION))?.version === version) return { by: 'unprotected' }
  const key = { projectId, modelId: row.id, alias: CHAMPION, version, state: 'open', limit: 1 } as const
  const [promotion] = await listPromotionRows(at, key)
  const standing = promotion && (await standingOf(at, promotion))
  if (promotion && standing?.isApproved) return { by: 'promotion', promotionId: promotion.id }
  if (force) {
    requirePermission(actor, 'administer', projectId)
    return { by: 'force' }
  }
  if (!standing) throw refusal(model, CHAMPION, version)
  const missing = standing.checks.filter(({ met }) => !met).map(({ sentence }) => sentence)
  const message = `The alias ${CHAMPION} of ${model} is protected, and the promotion of ${model}/${version} is not approved: ${missing.join('; ')}`
  throw new AppError('denied', message, { details: { model, alias: CHAMPION, promotion: promotion.id } })
}

interface Follow extends Served {
  admission: { promotionId: string | null; forced: boolean }
  /** `back`: what served before serves again. */
  direction: 'forward' | 'back'
}

/**
 * Lets the alias `champion` follow what is served. Where it is protected it moves with the promotion that the rollout was admitted by, and back
 * with that promotion's rollback; otherwise it stays, and a decision says why. A version that was deleted since keeps no alias.
 */
export async function followServed(context: Pick<Context, 'clock'>, trx: Trx, input: Follow): Promise<void> {
  const { projectId, actor, version, admission, direction } = input
  const model = await lockModelRow(trx, projectId, input.model).catch(ignoreMissing)
  if (!model || !(await findVersionByNumber(trx, model.id, version))) return
  const holder = (await findAliasRow(trx, model.id, CHAMPION))?.version
  const isFree = holder === version || !(await findPolicy(trx, model.id, CHAMPION))
  const point = { model, actor, alias: CHAMPION, version, source: 'rollout' }
  if (isFree) return await pointAlias(context, trx, point)
  if (direction === 'forward' && admission.forced && admission.promotionId === null)
    return await pointAlias(context, trx, { ...point, detail: { forced: 'by a forced deployment' } })
  try {
    if (direction === 'back')
      await goBack(context, trx, { projectId, actor, model, from: holder, to: version })
    else if (admission.promotionId === null) throw new AppError('denied', 'no promotion was approved')
    else await mergePromotionIn(context, trx, { projectId, actor, id: admission.promotionId })
  } catch (error) {
    if (!(error instanceof AppError) || (error.code !== 'conflict' && error.code !== 'denied')) throw error
    await recordStay(context, trx, { model, holder, version, why: error.message })
  }
}

async function goBack(
  context: Pick<Context, 'clock'>,
  trx: Trx,
  {
    projectId,
    actor,
    model,
    from,
    to,
  }: Caller & { model: RegisteredModelRow; from: number | undefined; to: number },
): Promise<void> {
  const merged = {
    projectId,
    modelId: model.id,
    alias: CHAMPION,
    version: from,
    state: 'merged',
    limit: 1,
  } as const
  const [promotion] = from === undefined ? [] : await listPromotionRows(trx, merged)
  if (promotion?.holder_version !== to) throw new AppError('denied', `no promotion had taken its place`)
  const reason = 'what is served went back'
  await rollBackPromotionIn(context, trx, { projectId, actor, id: promotion.id, reason, source: 'rollout' })
}

async function recordStay(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  {
    model,
    holder,
    version,
    why,
  }: { model: RegisteredModelRow; holder: number | undefined; version: number; why: string },
): Promise<void> {
  const at = holder === undefined ? 'points nowhere' : `stays at ${model.name}/${holder}`
  await recordDecision(trx, {
    projectId: model.project_id,
    kind: 'promotion',
    subjectType: 'model_version',
    subjectId: `${model.name}/${version}`,
    verdict: 'kept',
    sentence: `${CHAMPION} of ${model.name} ${at} although ${model.name}/${version} is served: ${why}.`,
    rule: 'A protected alias follows what is served by an approved promotion alone',
    numbers: {},
    inputs: { model: model.name, version, holder: holder ?? null },
    atMs: clock.now(),
  })
}
