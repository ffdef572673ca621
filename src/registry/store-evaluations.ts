import type { Queryable, Trx } from '../ports/db/db.ts'
import type { Evaluation, GateReport, GateResult, StoredEvaluation, Verdict } from './schema.ts'
import type { EvaluationRow, EvaluationSubjectRow, GateResultRow } from './tables.ts'

export async function insertEvaluation(
  trx: Trx,
  row: EvaluationRow,
  subjects: readonly EvaluationSubjectRow[],
): Promise<void> {
  await trx.insertInto('evaluation').values(row).execute()
  await trx
    .insertInto('evaluation_subject')
    .values([...subjects])
    .execute()
}

export async function findEvaluationRow(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<EvaluationRow | undefined> {
  return await at
    .selectFrom('evaluation')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
}

/** Evaluations in which a version took part, in any role, newest first. */
export async function listEvaluationsOf(
  at: Queryable,
  modelVersionId: string,
  limit: number,
): Promise<StoredEvaluation[]> {
  const rows = await at
    .selectFrom('evaluation_subject as s')
    .innerJoin('evaluation as e', 'e.id', 's.evaluation_id')
    .selectAll('e')
    .where('s.model_version_id', '=', modelVersionId)
    .orderBy('e.id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toEvaluation)
}

export async function insertGateResult(trx: Trx, row: GateResultRow): Promise<void> {
  await trx.insertInto('gate_result').values(row).execute()
}

/** What the gates said of a version, newest first. */
export async function listGateReportsOf(
  at: Queryable,
  modelVersionId: string,
  limit: number,
): Promise<GateReport[]> {
  const rows = await at
    .selectFrom('gate_result')
    .selectAll()
    .where('model_version_id', '=', modelVersionId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toGateReport)
}

export function toEvaluation(row: EvaluationRow): StoredEvaluation {
  return { ...(JSON.parse(row.document_json) as Evaluation), id: row.id, createdMs: row.created_ms }
}

export function toGateReport(row: GateResultRow): GateReport {
  return {
    id: row.id,
    evaluationId: row.evaluation_id,
    decisionId: row.decision_id,
    verdict: row.verdict as Verdict,
    sentence: row.sentence,
    results: JSON.parse(row.results_json) as GateResult[],
    injected: row.injected === 1,
    createdMs: row.created_ms,
  }
}
