import { Cron } from 'croner'
import { recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import type { Consumer } from '../jobs/events.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { AlertEvent, DomainEvent, EventCatalogue } from '../kernel/events.ts'
import type { Trx } from '../ports/db/db.ts'
import type { RunCause, Trigger } from '../steps/definition.ts'
import { insertRunOf } from './runs.ts'
import type { PipelineTriggerRow } from './tables.ts'
import {
  deleteBlock,
  findBlock,
  findTrigger,
  hasFired,
  insertBlock,
  insertFire,
  listCronTriggers,
  listDeploymentsOf,
  listPendingTriggers,
  listTriggers,
  updateTrigger,
} from './store-triggers.ts'

const actor = systemActor('triggers')

type Reach = Pick<Context, 'db' | 'clock' | 'ids'>

/** What may start a pipeline: its cause, and the event or tick that stands for it exactly once. */
interface Occasion {
  causeEvent: string
  cause: RunCause
  /** An alert that must still be open when a held start is taken up again. */
  alertId?: string
}

/** Starts pipelines when data arrived or an alert was raised, and keeps which alerts forbid training. */
export const triggerConsumer: Consumer = {
  name: 'pipelines.triggers',
  kinds: ['dataset.version_created', 'alert.raised', 'alert.cleared'],
  async handle(context, trx, event) {
    if (event.kind === 'dataset.version_created') await dataArrived(context, trx, event)
    else if (event.kind === 'alert.raised') await alertRaised(context, trx, event)
    else await alertCleared(context, trx, event)
  },
}

async function dataArrived(context: Reach, trx: Trx, event: DomainEvent): Promise<void> {
  const { name, number, addedRows, versionId } = event.payload as EventCatalogue['dataset.version_created']
  const found = await listTriggers(trx, { projectId: event.projectId, kinds: ['new_data'], subject: name })
  for (const trigger of found) {
    const { minRows } = specOf(trigger, 'new_data')
    const rows = trigger.accumulated_rows + addedRows
    await updateTrigger(trx, trigger.id, { accumulated_rows: rows })
    if (rows < minRows) continue
    const sentence = `${name} gained ${rows} rows up to version ${number}; ${minRows} start ${trigger.pipeline}`
    const detail = { dataset: name, version: number, versionId, rows }
    await occur(context, trx, trigger, {
      causeEvent: `event:${event.seq}`,
      cause: { kind: 'new_data', sentence, detail },
    })
  }
}

const STARTED_BY = { drift: ['drift', 'base_rate'], degraded: ['quality'] } as const

async function alertRaised(context: Reach, trx: Trx, event: DomainEvent): Promise<void> {
  const alert = event.payload as AlertEvent
  const { deployment, alertId } = alert
  if (alert.blocksTraining) {
    const created_ms = await context.db.wallTime(trx)
    await insertBlock(trx, {
      alert_id: alertId,
      project_id: event.projectId,
      deployment,
      sentence: alert.sentence,
      created_ms,
    })
  }
  for (const kind of ['drift', 'degraded'] as const) {
    if (!(STARTED_BY[kind] as readonly string[]).includes(alert.kind)) continue
    const found = await listTriggers(trx, { projectId: event.projectId, kinds: [kind], subject: deployment })
    for (const trigger of found) {
      const detail = { alertId, deployment, monitor: alert.monitor }
      const cause: RunCause = { kind, sentence: alert.sentence, detail }
      await occur(context, trx, trigger, { causeEvent: `event:${event.seq}`, cause, alertId })
    }
  }
}

/** A held start of this alert is dropped; what the alert itself forbade is taken up again. */
async function alertCleared(context: Reach, trx: Trx, event: DomainEvent): Promise<void> {
  const { alertId } = event.payload as AlertEvent
  await deleteBlock(trx, alertId)
  for (const trigger of await listPendingTriggers(trx)) {
    if (trigger.project_id !== event.projectId) continue
    const occasion = JSON.parse(trigger.pending_json!) as Occasion
    if (occasion.alertId === alertId) await updateTrigger(trx, trigger.id, { pending_json: null })
    else await takeUp(context, trx, trigger)
  }
}

/**
 * One pass of the schedule: starts what is due by domain time, and what was held back by a cool-down that is over.
 * Ticks that were missed count as one. Safe when several servers do it at once.
 */
export async function runSchedule(context: Reach): Promise<void> {
  const { db, clock } = context
  const now = clock.now()
  for (const row of await listCronTriggers(db.read)) {
    if (lastDue(row, now) === undefined) continue
    await once(db, async (trx) => {
      const trigger = await findTrigger(trx, row.id)
      const tick = trigger && lastDue(trigger, now)
      if (!trigger || tick === undefined) return
      await updateTrigger(trx, trigger.id, { last_tick_ms: tick })
      const { pattern } = specOf(trigger, 'cron')
      const sentence = `The schedule ${pattern} was due at ${new Date(tick).toISOString()}`
      await occur(context, trx, trigger, {
        causeEvent: `tick:${tick}`,
        cause: { kind: 'cron', sentence, detail: { pattern, tickMs: tick } },
      })
    })
  }
  for (const row of await listPendingTriggers(db.read)) {
    if ((await holdOf(context, db.read, row)) === undefined) {
      await once(db, async (trx) => {
        const trigger = await findTrigger(trx, row.id)
        if (trigger?.pending_json) await takeUp(context, trx, trigger)
      })
    }
  }
}

/** A conflict means that another server was quicker. */
async function once(db: Context['db'], work: (trx: Trx) => Promise<void>): Promise<void> {
  try {
    await db.write(work)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error
  }
}

/** The latest time of the pattern after the last tick and not after now. */
function lastDue(trigger: PipelineTriggerRow, now: number): number | undefined {
  const { pattern, timezone } = specOf(trigger, 'cron')
  const [due] = new Cron(pattern, { timezone }).previousRuns(1, new Date(now + 1000))
  const tick = due?.getTime()
  return tick !== undefined && tick <= now && tick > (trigger.last_tick_ms ?? now) ? tick : undefined
}

/** Starts the pipeline, or holds it back; either way once for the cause, with a sentence that says why. */
async function occur(
  context: Reach,
  trx: Trx,
  trigger: PipelineTriggerRow,
  occasion: Occasion,
): Promise<void> {
  if (await hasFired(trx, trigger.id, occasion.causeEvent)) return
  const hold = await holdOf(context, trx, trigger)
  if (hold === undefined) return await start(context, trx, trigger, occasion)
  const decision = await decide(context, trx, trigger, occasion, {
    verdict: 'held',
    sentence: `${trigger.pipeline} was not started. ${occasion.cause.sentence}. Held back: ${hold}.`,
  })
  await fire(context, trx, trigger, occasion, { outcome: 'held', runId: null, decision })
  await updateTrigger(trx, trigger.id, { pending_json: JSON.stringify(occasion) })
}

/** A start that was held back, now that nothing holds it. */
async function takeUp(context: Reach, trx: Trx, trigger: PipelineTriggerRow): Promise<void> {
  if ((await holdOf(context, trx, trigger)) !== undefined) return
  const occasion = JSON.parse(trigger.pending_json!) as Occasion
  await start(context, trx, trigger, { ...occasion, causeEvent: `${occasion.causeEvent}:taken-up` })
}

async function start(
  context: Reach,
  trx: Trx,
  trigger: PipelineTriggerRow,
  occasion: Occasion,
): Promise<void> {
  const { project_id: projectId, pipeline } = trigger
  const run = await insertRunOf(context, trx, {
    projectId,
    actor,
    pipeline,
    params: {},
    cause: occasion.cause,
  })
  const decision = await decide(context, trx, trigger, occasion, {
    verdict: 'started',
    sentence: `${pipeline} was started. ${occasion.cause.sentence}.`,
    runId: run.id,
  })
  await fire(context, trx, trigger, occasion, { outcome: 'started', runId: run.id, decision })
  await updateTrigger(trx, trigger.id, {
    accumulated_rows: 0,
    last_started_ms: context.clock.now(),
    pending_json: null,
  })
}

/** Why the trigger may not start its pipeline now. */
async function holdOf(
  { clock }: Pick<Context, 'clock'>,
  at: Trx | Context['db']['read'],
  trigger: PipelineTriggerRow,
): Promise<string | undefined> {
  const deployments = await listDeploymentsOf(at, trigger.project_id, trigger.pipeline)
  const block = await findBlock(at, trigger.project_id, deployments)
  if (block) return `an open incident forbids training (${block.sentence.replace(/\.$/, '')})`
  const spec = JSON.parse(trigger.spec_json) as Trigger
  if (spec.kind === 'cron' || trigger.last_started_ms === null) return undefined
  const until = trigger.last_started_ms + spec.coolDownMs
  return clock.now() < until ? `its cool-down lasts until ${new Date(until).toISOString()}` : undefined
}

async function decide(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  trigger: PipelineTriggerRow,
  { causeEvent, cause }: Occasion,
  { verdict, sentence, runId }: { verdict: string; sentence: string; runId?: string },
): Promise<string> {
  return await recordDecision(trx, {
    projectId: trigger.project_id,
    kind: 'trigger',
    subjectType: 'pipeline',
    subjectId: trigger.pipeline,
    verdict,
    sentence: sentence.replaceAll('..', '.'),
    rule: trigger.spec_json,
    numbers: Object.fromEntries(
      Object.entries(cause.detail).filter(([, value]) => typeof value === 'number'),
    ),
    inputs: { ...cause.detail, ...(runId !== undefined && { runId }) },
    cause: causeEvent,
    atMs: clock.now(),
  })
}

async function fire(
  { clock, db }: Pick<Context, 'clock' | 'db'>,
  trx: Trx,
  trigger: PipelineTriggerRow,
  { causeEvent }: Occasion,
  { outcome, runId, decision }: { outcome: 'started' | 'held'; runId: string | null; decision: string },
): Promise<void> {
  const first = await insertFire(trx, {
    trigger_id: trigger.id,
    cause_event: causeEvent,
    project_id: trigger.project_id,
    outcome,
    run_id: runId,
    decision_id: decision,
    at_ms: clock.now(),
    created_ms: await db.wallTime(trx),
  })
  if (!first)
    throw new AppError('conflict', `Another server has dealt with ${causeEvent} of ${trigger.pipeline}`)
}

function specOf<Kind extends Trigger['kind']>(trigger: PipelineTriggerRow, _kind: Kind) {
  return JSON.parse(trigger.spec_json) as Extract<Trigger, { kind: Kind }>
}
