import { AppError } from '../kernel/errors.ts'
import {
  classProbabilities,
  serviceInputs,
  takesDatatype,
  takesMissing,
  type InputSpec,
} from '../serving/serving.ts'
import type { Variant } from '../serving/schema.ts'
import type { Deployment } from './schema.ts'

type Input = Pick<InputSpec, 'name' | 'kind' | 'datatype' | 'nullable'>

/**
 * Throws `invalid` for a candidate that requests to the stable version could never be answered by: it predicts something else, an input of the same
 * name has a type that such requests do not have, or a new one may not be missing. A new input that may be missing is allowed: it is null until
 * clients send it, and counted as a violation.
 */
export function requireSameRequests(
  { name, definition }: Pick<Deployment, 'name' | 'definition'>,
  { stable, candidate }: { stable: Variant; candidate: Variant },
): void {
  const [before, after] = [stable, candidate].map(({ model, version }) => `${model}/${version}`)
  const tasks = [stable.signature.task, candidate.signature.task]
  if (tasks[0] !== tasks[1])
    throw new AppError(
      'invalid',
      `${after} is a ${tasks[1]} model, and ${name} answers with the ${tasks[0]} model ${before}`,
    )
  if (decidesOnly(stable) !== decidesOnly(candidate))
    throw new AppError(
      'invalid',
      `of ${before} and ${after} one gives probabilities and the other decisions alone: their losses can't be compared. Deploy it under another name`,
    )
  const known = new Map(requestInputs(stable).map((input) => [input.name, input]))
  const { unit, entity } = definition
  // What requests may carry anyway, as a text.
  const carried = new Set([entity?.key, typeof unit === 'object' && 'input' in unit ? unit.input : undefined])
  const problems = requestInputs(candidate).flatMap((input): string[] => {
    const old = known.get(input.name)
    if (old)
      return mayFollow(old, input)
        ? []
        : [`"${input.name}" is ${typeOf(old)} to ${before} and ${typeOf(input)} to ${after}`]
    if (carried.has(input.name) || mayBeMissing(input)) return []
    return [`"${input.name}" (${typeOf(input)}) is new, and ${after} takes no row without it`]
  })
  if (problems.length === 0) return
  throw new AppError(
    'invalid',
    `requests to ${name} can't be answered by it: ${problems.join('; ')}. Keep the inputs of ${before}, let new ones be missing (floating numbers and texts can be), or deploy it under another name.`,
    { details: { inputs: problems } },
  )
}

/** Of a row of a multiclass model without probabilities only whether its decision is right can be counted. */
export function decidesOnly({ signature }: Variant): boolean {
  return signature.task === 'multiclass' && classProbabilities(signature) === undefined
}

/** What requests carry for a version: what its feature service takes, else what its model takes. */
function requestInputs({ featureService, signature }: Variant): Input[] {
  if (featureService) return serviceInputs(featureService)
  const [matrix] = signature.inputs
  if (signature.features === undefined || matrix === undefined) return [...signature.inputs]
  return signature.features.map((name) => ({ ...matrix, name }))
}

/** Whether a request that fits the one fits the other as well. */
function mayFollow(old: Input, input: Input): boolean {
  if (input.kind !== old.kind && !(input.kind === 'timestamp' && old.kind === 'number')) return false
  return takesDatatype(input, old.datatype)
}

function mayBeMissing({ datatype, nullable }: Input): boolean {
  return nullable && takesMissing(datatype)
}

function typeOf({ kind, datatype }: Input): string {
  return kind === 'timestamp' ? 'a timestamp' : datatype
}
