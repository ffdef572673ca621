import { AppError } from '../kernel/errors.ts'
import { heldKeys, valueTreatment } from '../privacy/privacy.ts'
import type { Context } from '../http/context.ts'
import type { Column, ColumnValue } from '../prediction-log/prediction-log.ts'
import type { InputSpec, PredictRequest } from './request-inputs.ts'
import type { DesiredDeployment } from './schema.ts'
import type { ExternalPrediction } from '../prediction-log/schema.ts'

type Treatment = (value: ColumnValue) => ColumnValue

/**
 * What is done with the personal values of a deployment's requests where they enter: before features are looked up, before the model, before
 * the log. So a key finds what was stored under the treated key, and a model is asked what it was trained on.
 */
export interface RequestProtection {
  request(request: PredictRequest): PredictRequest
  external(row: ExternalPrediction): ExternalPrediction
}

/**
 * Undefined where nothing is personal. Throws `unavailable` when values are hashed with a key that this process does not have, and
 * `invalid` when an input that a model can't do without would be dropped: such a deployment is not served.
 */
export function requestProtection(
  { config }: Pick<Context, 'config'>,
  { personal, projectId, name, entity, unit, stable }: DesiredDeployment,
  inputs: readonly InputSpec[],
): RequestProtection | undefined {
  if (personal === undefined) return undefined
  const { keyId } = personal
  const key = keyId === undefined ? undefined : heldKeys(config, projectId).find(({ id }) => id === keyId)
  if (keyId !== undefined && key === undefined) {
    throw new AppError(
      'unavailable',
      `${name} hashes personal values with the key ${keyId}, which this process does not have: give it TIDEMILL_PRIVACY_KEY`,
    )
  }
  const treatments = new Map<string, Treatment>()
  for (const [column, policy] of Object.entries(personal.columns)) {
    const treat = valueTreatment(policy, key)
    if (treat !== undefined) treatments.set(column, treat)
  }
  if (treatments.size === 0) return undefined
  const ofInput = inputs.map((input) => inputTreatment(input, treatments.get(input.name), name))
  const entityKey = entity?.key ?? stable.featureService?.entities[0]?.key
  const ofUnit = typeof unit === 'object' && 'header' in unit ? treatments.get(unit.header) : undefined
  return {
    request(request) {
      const columns = request.columns.map((column, place) => treatColumn(column, ofInput[place]))
      if (ofUnit === undefined) return { ...request, columns }
      const header = (given: string): string | undefined => {
        const value = request.header(given)
        const treated =
          given === (unit as { header: string }).header && value !== undefined ? ofUnit(value) : value
        return treated === null || treated === undefined ? undefined : String(treated)
      }
      return { ...request, columns, header }
    },
    external: (row) => treatExternal(row, treatments, entityKey, typeof unit === 'object' ? unit : undefined),
  }
}

/** Text has no place in a number: there, what would be text is null. */
function inputTreatment(
  { name, kind, nullable, width }: InputSpec,
  treat: Treatment | undefined,
  deployment: string,
): Treatment | undefined {
  if (treat === undefined) return undefined
  const treated: Treatment =
    kind === 'category'
      ? (value) => {
          const text = treat(value)
          return text === null ? null : String(text)
        }
      : (value) => {
          const number = treat(value)
          return typeof number === 'number' ? number : null
        }
  if (!nullable && width > 0 && treated(kind === 'category' ? 'a' : 1) === null) {
    throw new AppError(
      'invalid',
      `${deployment}: the policy of the personal column ${name} leaves nothing of it, and the model can't do without`,
    )
  }
  return treated
}

function treatColumn(column: Column | undefined, treat: Treatment | undefined): Column | undefined {
  if (column === undefined || treat === undefined) return column
  return Array.from(column, (value) => treat(value))
}

function treatExternal(
  row: ExternalPrediction,
  treatments: ReadonlyMap<string, Treatment>,
  entityKey: string | undefined,
  unit: { header: string } | { input: string } | undefined,
): ExternalPrediction {
  const features = Object.entries(row.features).map(([name, value]) => [
    name,
    treatments.get(name)?.(value as ColumnValue) ?? (treatments.has(name) ? null : value),
  ])
  const treated = { ...row, features: Object.fromEntries(features) as ExternalPrediction['features'] }
  const text = (name: string | undefined, value: string | undefined): string | undefined => {
    const treat = name === undefined ? undefined : treatments.get(name)
    if (treat === undefined || value === undefined) return value
    const found = treat(value)
    return found === null ? undefined : String(found)
  }
  const { entity_key, unit: given, ...rest } = treated
  const key = text(entityKey, entity_key)
  const assigned = text(unit && ('input' in unit ? unit.input : unit.header), given)
  return {
    ...rest,
    ...(key !== undefined && { entity_key: key }),
    ...(assigned !== undefined && { unit: assigned }),
  }
}
