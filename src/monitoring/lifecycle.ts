import { recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Alert, AlertCause, AlertKind } from './schema.ts'
import { clearAlert, findOpenAlert, insertAlert, openKey } from './store.ts'

export interface AlertSubject {
  projectId: string
  deployment: string
  monitor: string
  kind: AlertKind
  subject: string
}

export interface Raise extends AlertSubject {
  sentence: string
  causes: readonly AlertCause[]
  windowMs: number
  rule: string
  numbers: JsonObject
  inputs: JsonObject
}

/** Kinds that mean the data is wrong, not the world: nothing may be trained on it. */
const BLOCKING: readonly AlertKind[] = ['data_quality', 'freshness']

/** Opens an alert with its decision and event, unless one is open on the same subject. Returns whether it did. */
export async function raise(
  { clock, ids }: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  made: Raise,
): Promise<boolean> {
  const key = openKey(made)
  if (await findOpenAlert(trx, key)) return false
  const atMs = clock.now()
  const decisionId = await decide(trx, made, 'raised', atMs)
  const id = ids.uuid()
  const blocksTraining = BLOCKING.includes(made.kind)
  await insertAlert(trx, {
    id,
    project_id: made.projectId,
    deployment: made.deployment,
    monitor: made.monitor,
    kind: made.kind,
    subject: made.subject,
    state: 'open',
    open_key: key,
    blocks_training: blocksTraining ? 1 : 0,
    sentence: made.sentence,
    causes_json: JSON.stringify(made.causes),
    window_ms: made.windowMs,
    decision_id: decisionId,
    raised_ms: atMs,
    cleared_ms: null,
    cleared_sentence: null,
    created_ms: Date.now(),
  })
  const { projectId, deployment, monitor, kind, sentence } = made
  await appendEvent(trx, {
    projectId,
    kind: 'alert.raised',
    payload: { alertId: id, deployment, monitor, kind, blocksTraining, sentence },
    atMs,
  })
  return true
}

/** Closes an open alert with its decision and event. */
export async function clear(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  alert: Alert,
  made: { sentence: string; rule: string; numbers: JsonObject; inputs: JsonObject },
): Promise<void> {
  const atMs = clock.now()
  await clearAlert(trx, { id: alert.id, sentence: made.sentence, atMs })
  await decide(trx, { ...alert, ...made }, 'cleared', atMs, alert.decisionId)
  const { projectId, deployment, monitor, kind, blocksTraining } = alert
  await appendEvent(trx, {
    projectId,
    kind: 'alert.cleared',
    payload: { alertId: alert.id, deployment, monitor, kind, blocksTraining, sentence: made.sentence },
    atMs,
  })
}

async function decide(
  trx: Trx,
  made: Omit<Raise, 'causes' | 'windowMs' | 'kind'>,
  verdict: 'raised' | 'cleared',
  atMs: number,
  cause?: string,
): Promise<string> {
  return recordDecision(trx, {
    projectId: made.projectId,
    kind: 'alert',
    subjectType: 'deployment',
    subjectId: made.deployment,
    verdict,
    sentence: made.sentence,
    rule: made.rule,
    numbers: made.numbers,
    inputs: { monitor: made.monitor, subject: made.subject, ...made.inputs },
    ...(cause !== undefined && { cause }),
    atMs,
  })
}
