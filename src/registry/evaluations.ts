import { audit, recordDecision } from '../governance/governance.ts'
import { codeVersion } from '../governance/code-version.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { GateDefinition } from './definition.ts'
import { judgeGates } from './gates.ts'
import { gatesOfModel } from './models.ts'
import type { Evaluation, GateReport, ModelVersion, StoredEvaluation } from './schema.ts'
import { getModelRow } from './store.ts'
import {
  findEvaluationRow,
  insertEvaluation,
  insertGateResult,
  listGateReportsOf,
  toEvaluation,
  toGateReport,
} from './store-evaluations.ts'
import { getModelVersion } from './versions.ts'

interface VersionKey extends Caller {
  model: string
  version: number
}

/** Keeps the results of an evaluation. */
export async function storeEvaluation(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  { projectId, actor, model, evaluation }: Caller & { model: string; evaluation: Evaluation },
): Promise<StoredEvaluation> {
  requirePermission(actor, 'contribute', projectId)
  const row = {
    id: ids.uuid(),
    project_id: projectId,
    holdout_digest: evaluation.holdout.digest,
    document_json: JSON.stringify(evaluation),
    code_version: codeVersion,
    created_ms: clock.now(),
  }
  await db.write(async (trx) => {
    const { id: modelId } = await getModelRow(trx, projectId, model)
    const subjects = evaluation.subjects.map(({ role, modelVersionId }, ordinal) => ({
      evaluation_id: row.id,
      ordinal,
      project_id: projectId,
      role,
      model_version_id: modelVersionId ?? null,
    }))
    await insertEvaluation(trx, { ...row, model_id: modelId }, subjects)
    await audit(trx, {
      projectId,
      actor,
      action: 'registry.evaluate',
      subject: model,
      detail: { id: row.id },
    })
  })
  return { ...evaluation, id: row.id, createdMs: row.created_ms }
}

/** Judges a version by its model's gates (or by these) on a stored evaluation, and stores the decision with all that it rests on. */
export async function runGates(
  context: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: VersionKey & {
    evaluationId: string
    gates?: readonly GateDefinition[] | undefined
    cause?: string | undefined
    injected?: boolean | undefined
  },
): Promise<GateReport> {
  const { db, clock, ids } = context
  const { projectId, actor, model } = input
  requirePermission(actor, 'contribute', projectId)
  const version = await getModelVersion(context, input)
  const evaluation = await getEvaluation(context, { projectId, actor, id: input.evaluationId })
  if (
    !evaluation.subjects.some(
      (subject) => subject.role === 'candidate' && subject.modelVersionId === version.id,
    )
  )
    throw new AppError(
      'invalid',
      `${model}/${version.version} is not the candidate of evaluation ${evaluation.id}`,
    )
  const gates = input.gates ?? (await gatesOfModel(context, { projectId, model }))
  const outcome = judgeGates(gates, evaluation)
  const createdMs = clock.now()
  return await db.write(async (trx) => {
    const decisionId = await recordDecision(trx, {
      projectId,
      kind: 'gate',
      subjectType: 'model_version',
      subjectId: `${version.model}/${version.version}`,
      verdict: outcome.verdict,
      sentence: outcome.sentence,
      rule: JSON.stringify(gates),
      numbers: { results: outcome.results },
      inputs: inputsOf(version, evaluation),
      atMs: createdMs,
      ...(input.cause !== undefined && { cause: input.cause }),
      ...(input.injected !== undefined && { injected: input.injected }),
    })
    const row = {
      id: ids.uuid(),
      project_id: projectId,
      model_version_id: version.id,
      evaluation_id: evaluation.id,
      decision_id: decisionId,
      verdict: outcome.verdict,
      sentence: outcome.sentence,
      results_json: JSON.stringify(outcome.results),
      injected: input.injected === true ? 1 : 0,
      created_ms: createdMs,
    }
    await insertGateResult(trx, row)
    return toGateReport(row)
  })
}

function inputsOf(
  { id: modelVersionId, model, version }: ModelVersion,
  { id, holdout, subjects }: StoredEvaluation,
): JsonObject {
  return {
    model,
    version,
    modelVersionId,
    evaluationId: id,
    holdoutDigest: holdout.digest,
    rows: holdout.rows,
    days: holdout.days,
    subjects: subjects.map(({ name, role }) => ({ name, role })),
  }
}

/** Throws `not_found`. */
export async function getEvaluation(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<StoredEvaluation> {
  requirePermission(actor, 'view', projectId)
  const row = await findEvaluationRow(db.read, projectId, id)
  if (!row) throw new AppError('not_found', `There is no evaluation ${id}`, { details: { id } })
  return toEvaluation(row)
}

/** What the gates said last of a version; undefined when it was never judged. */
export async function findGateReport(
  context: Pick<Context, 'db'>,
  key: VersionKey,
): Promise<GateReport | undefined> {
  const version = await getModelVersion(context, key)
  return (await listGateReportsOf(context.db.read, version.id, 1))[0]
}
