import { listPersonal } from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { canonicalJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { protectingPolicies, type PersonalPolicies, type PersonalPolicy } from '../privacy/definition.ts'
import { ensureKeyId } from '../privacy/privacy.ts'
import type { DesiredDeployment } from '../serving/schema.ts'
import { listDeployments } from './store.ts'

type KeyContext = Pick<Context, 'config' | 'clock'>

interface Described {
  desired: DesiredDeployment
  /** What the deployment itself declares. */
  own: PersonalPolicies | undefined
}

/** Deployments with what is done with personal columns of their requests. */
export async function withPersonal(
  context: KeyContext,
  trx: Trx,
  deployments: readonly Described[],
): Promise<DesiredDeployment[]> {
  const result: DesiredDeployment[] = []
  for (const { desired, own } of deployments) {
    const personal = await personalOf(context, trx, desired, own)
    result.push({ ...desired, ...(personal && { personal }) })
  }
  return result
}

/** Whether gateways follow what datasets and deployments say of personal columns now. */
export async function isSamePersonal(
  context: KeyContext,
  trx: Trx,
  followed: readonly DesiredDeployment[],
): Promise<boolean> {
  const declared = await listDeployments(trx)
  for (const desired of followed) {
    const own = declared.find(
      ({ projectId, name }) => projectId === desired.projectId && name === desired.name,
    )
    const personal = await personalOf(context, trx, desired, own?.definition.personal)
    if (canonicalJson(personal ?? null) !== canonicalJson(desired.personal ?? null)) return false
  }
  return true
}

/** What the datasets behind the views of any of its versions say, the strictest where they differ; the deployment's own word counts more. */
async function personalOf(
  context: KeyContext,
  trx: Trx,
  { projectId, stable, candidate, previous, pinned }: DesiredDeployment,
  own: PersonalPolicies | undefined,
): Promise<DesiredDeployment['personal']> {
  const variants = [stable, candidate, previous, ...pinned]
  const views = variants.flatMap((variant) => variant?.featureService?.views ?? [])
  const datasets = [...new Set(views.map(({ dataset }) => dataset))]
  const inherited = new Map<string, PersonalPolicy>()
  for (const personal of await listPersonal(trx, projectId, datasets)) {
    for (const [column, policy] of Object.entries(protectingPolicies(personal) ?? {})) {
      const known = inherited.get(column)
      if (known === undefined || strictness(policy) > strictness(known)) inherited.set(column, policy)
    }
  }
  const columns = protectingPolicies({ ...Object.fromEntries(inherited), ...own })
  if (columns === undefined) return undefined
  const isHashed = Object.values(columns).includes('hash')
  return { columns, ...(isHashed && { keyId: await ensureKeyId(context, trx, projectId) }) }
}

function strictness(policy: PersonalPolicy): number {
  if (policy === 'drop') return 3
  return policy === 'hash' ? 2 : 1
}
