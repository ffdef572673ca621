import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Decision, DecisionFilter, DecisionKind } from './schema.ts'
import type { DecisionRow, DrillRow, ProjectRow } from './tables.ts'

export async function findProjectByName(at: Queryable, name: string): Promise<ProjectRow | undefined> {
  return await at.selectFrom('project').selectAll().where('name', '=', name).executeTakeFirst()
}

/** Does nothing when another process has just made it. */
export async function insertProjectIfAbsent(trx: Trx, row: ProjectRow): Promise<void> {
  await trx
    .insertInto('project')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function insertDrill(trx: Trx, row: DrillRow): Promise<void> {
  await trx.insertInto('drill').values(row).execute()
}

/** Those that have not ended. */
export async function listOpenDrills(at: Queryable, projectId: string): Promise<DrillRow[]> {
  return await at
    .selectFrom('drill')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('ended_ms', 'is', null)
    .execute()
}

/** The drill that ended now; undefined for one that is not there or had ended. */
export async function updateDrillEnd(
  trx: Trx,
  { projectId, id, endedMs }: { projectId: string; id: string; endedMs: number },
): Promise<DrillRow | undefined> {
  return await trx
    .updateTable('drill')
    .set({ ended_ms: endedMs })
    .where('project_id', '=', projectId)
    .where('id', '=', id)
    .where('ended_ms', 'is', null)
    .returningAll()
    .executeTakeFirst()
}

export async function insertDecision(trx: Trx, row: DecisionRow): Promise<void> {
  await trx.insertInto('decision').values(row).execute()
}

export async function listDecisionRows(at: Queryable, filter: DecisionFilter): Promise<Decision[]> {
  const { kind, subjectType, subjectId, fromMs, toMs, before } = filter
  const rows = await at
    .selectFrom('decision')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .$if(kind !== undefined, (query) => query.where('kind', '=', kind!))
    .$if(subjectType !== undefined, (query) => query.where('subject_type', '=', subjectType!))
    .$if(subjectId !== undefined, (query) => query.where('subject_id', '=', subjectId!))
    .$if(fromMs !== undefined, (query) => query.where('at_ms', '>=', fromMs!))
    .$if(toMs !== undefined, (query) => query.where('at_ms', '<', toMs!))
    .$if(before !== undefined, (query) => query.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute()
  return rows.map(toDecision)
}

function toDecision(row: DecisionRow): Decision {
  return {
    id: row.id,
    kind: row.kind as DecisionKind,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    verdict: row.verdict,
    sentence: row.sentence,
    rule: row.rule,
    numbers: JSON.parse(row.numbers_json) as Record<string, unknown>,
    inputs: JSON.parse(row.inputs_json) as Record<string, unknown>,
    codeVersion: row.code_version,
    cause: row.cause,
    injected: row.injected === 1,
    atMs: row.at_ms,
  }
}
