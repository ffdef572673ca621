import { amount } from '../kernel/amount.ts'
import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import { findBlobSize } from '../ports/artifacts/blobs.ts'
import type { Queryable } from '../ports/db/db.ts'
import { getRun } from '../tracking/tracking.ts'
import type { RunDetail } from '../tracking/schema.ts'
import {
  countDays,
  gateView,
  listEvaluationsOf,
  listGateReportsOf,
  type ModelVersionRow,
} from '../registry/registry.ts'
import type { ImportReport, Signature } from '../model-files/schema.ts'
import type { FeatureServiceReference, StoredEvaluation } from '../registry/schema.ts'
import { versionFiles } from './digest.ts'
import { compareCode, compareEnvironments } from './evidence-code.ts'
import { changedParts, describeData, type KnownData } from './evidence-data.ts'
import type { Compared, Evidence, Side } from './schema.ts'

type Reads = Pick<Context, 'db' | 'artifacts'>

const MOST_VALUES = 200

/** A version with what its run and its dataset tell. */
interface Known {
  row: ModelVersionRow
  run: RunDetail | undefined
  data: KnownData | undefined
}

/** Candidate and holder side by side: what the gates said, and everything in which the two differ. Depends on what is stored alone. */
export async function gatherEvidence(
  context: Reads,
  caller: Caller,
  { candidate, holder }: { candidate: ModelVersionRow; holder: ModelVersionRow | null },
): Promise<Evidence> {
  const one = await know(context, caller, candidate)
  const other = holder && (await know(context, caller, holder))
  const code = holder ? await compareCode(context, { candidate, holder }) : null
  const [gates] = await listGateReportsOf(context.db.read, candidate.id, 1)
  return {
    candidate: await sideOf(context.db.read, one),
    holder: other && (await sideOf(context.db.read, other)),
    gates: gates
      ? {
          verdict: gates.verdict,
          sentence: gates.sentence,
          results: gates.results.map(gateView),
          createdMs: gates.createdMs,
        }
      : null,
    comparison: await comparisonOf(context.db.read, { candidate, holder, judgedOn: gates?.evaluationId }),
    metrics: other ? differing(valuesOf(one.run?.metrics), valuesOf(other.run?.metrics)) : [],
    params: other ? differing(valuesOf(one.run?.params), valuesOf(other.run?.params)) : [],
    data: other
      ? [...dataChanges(one.data, other.data), ...(await changedParts(context, one.data, other.data))]
      : [],
    signature: other ? signatureChanges(one.row, other.row) : [],
    features: other ? featureChanges(one.row, other.row) : [],
    code: code?.files ?? null,
    environment: other ? await compareEnvironments(context, { candidate, holder: other.row }) : [],
    unknown: unknowns(one, other, code?.why),
  }
}

async function know(context: Reads, caller: Caller, row: ModelVersionRow): Promise<Known> {
  const run =
    row.run_id === null
      ? undefined
      : await getRun(context, { ...caller, runId: row.run_id }).catch(ignoreMissing)
  return { row, run, data: await describeData(context, { row, run }) }
}

async function sideOf(at: Queryable, { row, run, data }: Known): Promise<Side> {
  const commit = run?.tags.find(({ key }) => key === 'mlflow.source.git.commit')?.value
  return {
    version: row.version,
    createdBy: row.created_by,
    createdMs: row.created_ms,
    source: row.source,
    ...(row.run_id !== null && { runId: row.run_id }),
    ...(row.pipeline_run_id !== null && { pipelineRunId: row.pipeline_run_id }),
    ...(row.project_version_id !== null && { projectVersionId: row.project_version_id }),
    sizeBytes: await sizeOf(at, row),
    latency: latencyOf(row),
    ...(commit !== undefined && { commit }),
    ...(row.code_snapshot !== null && { snapshot: row.code_snapshot }),
    data: data ? data.side : null,
  }
}

function latencyOf({ import_json }: ModelVersionRow): Side['latency'] {
  const report = import_json === null ? undefined : (JSON.parse(import_json) as ImportReport)
  return report?.latency.map(({ rows, p50Us, p99Us }) => ({ rows, p50Us, p99Us })) ?? []
}

/** Of the files that are stored here, else of the graph. */
async function sizeOf(at: Queryable, row: ModelVersionRow): Promise<number | null> {
  const files = await versionFiles(at, row)
  if (files.length > 0) return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return row.onnx_sha256 === null ? null : ((await findBlobSize(at, row.onnx_sha256)) ?? null)
}

/** The evaluation that the gates judged, else the newest in which both took part, else the candidate's newest. */
async function comparisonOf(
  at: Queryable,
  {
    candidate,
    holder,
    judgedOn,
  }: { candidate: ModelVersionRow; holder: ModelVersionRow | null; judgedOn: string | undefined },
): Promise<Evidence['comparison']> {
  const own = await listEvaluationsOf(at, candidate.id, 20)
  const has = ({ subjects }: StoredEvaluation, row: ModelVersionRow | null): boolean =>
    row !== null && subjects.some(({ modelVersionId }) => modelVersionId === row.id)
  const shown =
    own.find((evaluation) => evaluation.id === judgedOn) ??
    own.find((evaluation) => has(evaluation, holder)) ??
    own[0]
  if (!shown) return null
  const { digest, rows, days } = shown.holdout
  return {
    evaluationId: shown.id,
    holdout: { digest, rows, days: countDays(days) },
    subjects: shown.subjects.map(({ name, role, metrics }) => ({ name, role, metrics })),
    differences: shown.differences,
    withHolder: has(shown, holder),
  }
}

function valuesOf(list: readonly { key: string; value: string | number }[] = []): Map<string, string> {
  return new Map(list.map(({ key, value }) => [key, String(value)]))
}

/** Keys whose values differ, by name; a key that one of them lacks differs. */
function differing(candidate: Map<string, string>, holder: Map<string, string>): Compared[] {
  return [...new Set([...candidate.keys(), ...holder.keys()])]
    .filter((key) => candidate.get(key) !== holder.get(key))
    .sort()
    .slice(0, MOST_VALUES)
    .map((key) => ({ key, candidate: candidate.get(key) ?? null, holder: holder.get(key) ?? null }))
}

function dataChanges(candidate: KnownData | undefined, holder: KnownData | undefined): string[] {
  if (!candidate || !holder) return []
  const [one, other] = [candidate.side, holder.side]
  if (one.name === other.name && one.version === other.version) return []
  const changes = [`${one.name} ${one.version} instead of ${other.name} ${other.version}`]
  if (one.rows !== undefined && other.rows !== undefined && one.rows !== other.rows) {
    const more = one.rows - other.rows
    changes.push(`${amount(Math.abs(more))} rows ${more > 0 ? 'more' : 'fewer'}`)
  }
  changes.push(...itemChanges(candidate.columns, holder.columns, 'column'))
  return changes
}

function signatureChanges(candidate: ModelVersionRow, holder: ModelVersionRow): string[] {
  const [one, other] = [signatureOf(candidate), signatureOf(holder)]
  if (!one || !other) return []
  const inputs = ({ inputs: list }: Signature) =>
    new Map(
      list.map(({ name, kind, datatype, nullable }) => [
        name,
        `${kind} ${datatype}${nullable ? ', may be missing' : ''}`,
      ]),
    )
  const outputs = ({ outputs: list }: Signature) =>
    new Map(list.map(({ name, datatype, shape }) => [name, `${datatype} [${shape.join(', ')}]`]))
  return [
    ...itemChanges(inputs(one), inputs(other), 'input'),
    ...itemChanges(outputs(one), outputs(other), 'output'),
    ...(one.task === other.task ? [] : [`predicts ${one.task} instead of ${other.task}`]),
  ]
}

function featureChanges(candidate: ModelVersionRow, holder: ModelVersionRow): string[] {
  const [one, other] = [serviceOf(candidate), serviceOf(holder)]
  if (!one && !other) return []
  const renamed =
    one?.name === other?.name
      ? []
      : [`${one?.name ?? 'no feature service'} instead of ${other?.name ?? 'none'}`]
  return [...renamed, ...itemChanges(featuresOf(one), featuresOf(other), 'feature')]
}

function featuresOf(service: FeatureServiceReference | undefined): Map<string, string> {
  const features = (service?.spec['features'] ?? []) as { name: string; kind: string; from: string }[]
  return new Map(features.map(({ name, kind, from }) => [name, `${kind} from ${from}`]))
}

/** What was added, removed or is otherwise, a sentence each. */
function itemChanges(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  what: string,
): string[] {
  const changes: string[] = []
  for (const [name, is] of one) {
    const was = other.get(name)
    if (was === undefined) changes.push(`new ${what} ${name} (${is})`)
    else if (was !== is) changes.push(`${what} ${name} is ${is}, was ${was}`)
  }
  for (const name of other.keys()) if (!one.has(name)) changes.push(`${what} ${name} is gone`)
  return changes
}

function signatureOf({ signature_json }: ModelVersionRow): Signature | undefined {
  return signature_json === null ? undefined : (JSON.parse(signature_json) as Signature)
}

function serviceOf({ feature_service_json }: ModelVersionRow): FeatureServiceReference | undefined {
  return feature_service_json === null
    ? undefined
    : (JSON.parse(feature_service_json) as FeatureServiceReference)
}

function unknowns(one: Known, other: Known | null, code: string | undefined): string[] {
  if (!other) return ['The alias points nowhere: there is nothing to compare with']
  const name = ({ row }: Known): string => `version ${row.version}`
  return [one, other]
    .flatMap((known) => [
      ...(known.data ? [] : [`The training data of ${name(known)} is not known`]),
      ...(known.run ? [] : [`${name(known)} names no run: its params and metrics are not known`]),
      ...(known.row.signature_json === null ? [`${name(known)} has no signature`] : []),
    ])
    .concat(code === undefined ? [] : [code])
}
