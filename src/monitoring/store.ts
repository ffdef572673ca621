import type { Queryable, Trx } from '../ports/db/db.ts'
import { monitorSchema } from './definition.ts'
import type { Alert, AlertCause, AlertKind, Judgement, Monitor, WindowVerdict } from './schema.ts'
import type { AlertRow, MonitorJudgementRow, MonitorRow } from './tables.ts'

export async function listMonitors(
  at: Queryable,
  filter: { projectId?: string; deployment?: string } = {},
): Promise<Monitor[]> {
  let query = at.selectFrom('monitor').selectAll().orderBy('project_id').orderBy('name')
  if (filter.projectId !== undefined) query = query.where('project_id', '=', filter.projectId)
  if (filter.deployment !== undefined) query = query.where('deployment', '=', filter.deployment)
  return (await query.execute()).map(toMonitor)
}

export async function findMonitor(
  at: Queryable,
  { projectId, name }: { projectId: string; name: string },
): Promise<Monitor | undefined> {
  return (await listMonitors(at, { projectId })).find((monitor) => monitor.name === name)
}

export async function upsertMonitor(trx: Trx, row: MonitorRow): Promise<void> {
  const { deployment, definition_json, updated_ms } = row
  await trx
    .insertInto('monitor')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'name']).doUpdateSet({ deployment, definition_json, updated_ms }),
    )
    .execute()
}

/** Inserts a judgement unless the window was judged at this revision before; then false. */
export async function insertJudgement(trx: Trx, row: MonitorJudgementRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('monitor_judgement')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('revision')
    .executeTakeFirst()
  return inserted !== undefined
}

/** The latest judgement of each window of the given watches from a time on, in order of time. */
export async function listJudgements(
  at: Queryable,
  filter: {
    projectId: string
    deployment: string
    monitors: readonly string[]
    fromMs: number
    toMs?: number
  },
): Promise<Judgement[]> {
  if (filter.monitors.length === 0) return []
  let query = at
    .selectFrom('monitor_judgement')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('monitor', 'in', filter.monitors)
    .where('start_ms', '>=', filter.fromMs)
  if (filter.toMs !== undefined) query = query.where('start_ms', '<', filter.toMs)
  const rows = await query.orderBy('start_ms').orderBy('monitor').orderBy('revision').execute()
  const latest = new Map<string, Judgement>()
  for (const row of rows) latest.set(`${row.monitor}:${row.start_ms}`, toJudgement(row))
  return [...latest.values()]
}

/** The highest revision at which each window was judged. */
export async function listJudgedRevisions(
  at: Queryable,
  filter: { projectId: string; deployment: string; monitor: string; fromMs: number },
): Promise<Map<number, number>> {
  const rows = await at
    .selectFrom('monitor_judgement')
    .select((eb) => ['start_ms', eb.fn.max('revision').as('revision')])
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('monitor', '=', filter.monitor)
    .where('start_ms', '>=', filter.fromMs)
    .groupBy('start_ms')
    .execute()
  return new Map(rows.map((row) => [row.start_ms, row.revision]))
}

export function openKey(alert: Pick<Alert, 'projectId' | 'deployment' | 'monitor' | 'subject'>): string {
  return [alert.projectId, alert.deployment, alert.monitor, alert.subject].join('/')
}

export async function insertAlert(trx: Trx, row: Omit<AlertRow, 'seq'>): Promise<void> {
  await trx.insertInto('alert').values(row).execute()
}

export async function findOpenAlert(at: Queryable, key: string): Promise<Alert | undefined> {
  const row = await at.selectFrom('alert').selectAll().where('open_key', '=', key).executeTakeFirst()
  return row && toAlert(row)
}

export async function clearAlert(
  trx: Trx,
  { id, sentence, atMs }: { id: string; sentence: string; atMs: number },
): Promise<void> {
  await trx
    .updateTable('alert')
    .set({ state: 'cleared', open_key: null, cleared_ms: atMs, cleared_sentence: sentence })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .execute()
}

/** Newest first; `before` is the id of the last one of the page before. */
export async function listAlerts(
  at: Queryable,
  filter: {
    projectId: string
    deployment?: string | undefined
    state?: Alert['state'] | undefined
    limit: number
    before?: string | undefined
  },
): Promise<Alert[]> {
  let query = at.selectFrom('alert').selectAll().where('project_id', '=', filter.projectId)
  if (filter.deployment !== undefined) query = query.where('deployment', '=', filter.deployment)
  if (filter.state !== undefined) query = query.where('state', '=', filter.state)
  if (filter.before !== undefined) query = query.where('id', '<', filter.before)
  return (await query.orderBy('id', 'desc').limit(filter.limit).execute()).map(toAlert)
}

function toMonitor(row: MonitorRow): Monitor {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    deployment: row.deployment,
    // What was stored before a watch existed has its defaults.
    definition: monitorSchema.parse(JSON.parse(row.definition_json)),
  }
}

function toJudgement(row: MonitorJudgementRow): Judgement {
  return {
    deployment: row.deployment,
    monitor: row.monitor,
    startMs: row.start_ms,
    revision: row.revision,
    verdict: row.verdict as WindowVerdict,
    numbers: JSON.parse(row.numbers_json) as Record<string, unknown>,
  }
}

function toAlert(row: Omit<AlertRow, 'seq'>): Alert {
  return {
    id: row.id,
    projectId: row.project_id,
    deployment: row.deployment,
    monitor: row.monitor,
    kind: row.kind as AlertKind,
    subject: row.subject,
    state: row.state as Alert['state'],
    blocksTraining: row.blocks_training === 1,
    sentence: row.sentence,
    causes: JSON.parse(row.causes_json) as AlertCause[],
    windowMs: row.window_ms,
    decisionId: row.decision_id,
    raisedMs: row.raised_ms,
    clearedMs: row.cleared_ms,
    clearedSentence: row.cleared_sentence,
  }
}
