import type { FeatureServiceSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { requirePythonModels } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { admitChampion } from '../promotions/promotions.ts'
import { findGateReport, gatesOfModel, getModelVersion } from '../registry/registry.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { Signature, Task, Variant } from '../serving/schema.ts'

export interface Admission {
  passed: boolean
  /** It has not passed, and is deployed all the same. */
  forced: boolean
  sentence: string
  /** The approved promotion by which the protected alias `champion` may follow it. */
  promotionId: string | null
}

interface VersionKey extends Caller {
  model: string
  version: number
}

/** What gateways need to load a version. Throws `invalid` for one that can't be served. */
export async function deployableVersion(
  context: Pick<Context, 'db' | 'config'>,
  key: VersionKey,
): Promise<Variant> {
  const found = await getModelVersion(context, key)
  const { onnxSha256, python, signature } = found
  if ((onnxSha256 === undefined && python === undefined) || signature === undefined) {
    const missing = signature === undefined ? 'signature' : 'ONNX graph and is no pyfunc model'
    const reason = found.problem ?? `it has no ${missing}`
    throw new AppError('invalid', `${key.model}/${key.version} can't be served: ${reason}`)
  }
  if (onnxSha256 === undefined) requirePythonModels(context.config)
  return {
    modelVersionId: found.id,
    model: found.model,
    version: found.version,
    ...(onnxSha256 === undefined ? { python: python! } : { onnxSha256 }),
    signature: { ...signature, task: taskOf(found) } as Signature,
    ...(found.featureService && {
      featureService: found.featureService.spec as unknown as FeatureServiceSpec,
    }),
    ...(found.codeSnapshot !== undefined && { codeSnapshot: found.codeSnapshot }),
    ...(found.layoutSha256 !== undefined && { layoutSha256: found.layoutSha256 }),
  }
}

function taskOf({ signature, task }: ModelVersion): Task {
  const name = task ?? signature!.task
  if (name === 'binary' || name === 'multiclass' || name === 'regression' || name === 'forecast') return name
  throw new AppError(
    'invalid',
    `A deployment can't serve the task ${name}: binary, multiclass, regression or forecast`,
  )
}

/**
 * What the gates say of a version, or that it is forced past them. Throws `denied` where the alias `champion`, which follows what is served, is
 * protected and no promotion is approved: then forcing needs an administrator.
 */
export async function admit(
  context: Pick<Context, 'db'>,
  { isStable, ...input }: VersionKey & { force?: boolean; reason?: string; isStable: boolean },
): Promise<Admission> {
  const force = input.force === true ? { reason: input.reason ?? '' } : undefined
  const champion = await admitChampion(context.db.read, { ...input, force })
  const promotionId = champion.by === 'promotion' ? champion.promotionId : null
  const judged = isStable
    ? { passed: true, sentence: 'It is the stable version itself.' }
    : await judgeGates(context, input)
  if (champion.by !== 'force' && (judged.passed || !force)) return { ...judged, forced: false, promotionId }
  const past = champion.by === 'force' ? 'the protection of champion' : 'its gates'
  return {
    passed: false,
    forced: true,
    promotionId,
    sentence: `Forced past ${past} by ${input.actor.name} ("${input.reason?.trim() ?? ''}"). ${judged.sentence}`,
  }
}

async function judgeGates(
  context: Pick<Context, 'db'>,
  key: VersionKey,
): Promise<{ passed: boolean; sentence: string }> {
  const gates = await gatesOfModel(context, key)
  if (gates.length === 0) return { passed: true, sentence: `No gates are declared for ${key.model}.` }
  const report = await findGateReport(context, key)
  if (!report)
    return { passed: false, sentence: `${key.model}/${key.version} has not been evaluated by its gates.` }
  return { passed: report.verdict === 'pass', sentence: report.sentence }
}
