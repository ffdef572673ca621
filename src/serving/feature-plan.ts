import type { MaybePromise } from '../ports/online/online.ts'
import type { TensorSpec } from '../ports/inference/inference.ts'
import type { OpenedModel } from './executor.ts'
import { widthOf } from './feeds.ts'
import type { Column, LoggedFeature } from '../prediction-log/prediction-log.ts'
import { takesMissing, type InputSpec } from './request-inputs.ts'
import type { Variant } from './schema.ts'

/** Features of the rows of a request, and what was wrong with them. */
export interface ResolvedFeatures {
  features: readonly (Column | undefined)[]
  /** For each row: JSON of view → age in ms; null without feature views. */
  ages: readonly (string | null)[] | null
  /** For each row: JSON of the fields of the request that features were computed from and that are none themselves. */
  requests: readonly string[] | null
  /** For each row, such as `stale:airport_delays,missing:carrier`; null when nothing is wrong. */
  violations: readonly (string | null)[] | null
  /** For each row: what a fallback may be for. */
  degraded: readonly ('stale' | 'missing' | null)[] | null
}

/** How a variant gets its features from a request. */
export interface FeaturePlan {
  inputs: readonly InputSpec[]
  features: readonly LoggedFeature[]
  /** The matrix input that the features lie in side by side: a request may send it whole instead of the features. */
  matrix?: InputSpec
  /** At once, but where an online store is not in this process. Throws `invalid` when a column that is needed is missing. */
  resolve(
    columns: readonly (Column | undefined)[],
    rows: number,
    timeMs: number,
  ): MaybePromise<ResolvedFeatures>
}

/** Says of every row that the request lacks these inputs. */
export function withMissing(
  resolved: ResolvedFeatures,
  inputs: readonly string[],
  rows: number,
): ResolvedFeatures {
  if (inputs.length === 0) return resolved
  const missing = inputs.map((name) => `missing:${name}`).join(',')
  const violations = Array.from({ length: rows }, (_, row) => {
    const others = resolved.violations?.[row] ?? null
    return others === null ? missing : `${missing},${others}`
  })
  return { ...resolved, violations }
}

/** A model without a feature service: requests carry its input tensors. */
export function directPlan(variant: Variant, opened: Pick<OpenedModel, 'inputs'>): FeaturePlan {
  const { features: names } = variant.signature
  const specs = opened.inputs.map((spec) => toInput(spec, variant))
  const [matrix] = specs
  const named = names !== undefined && matrix !== undefined && specs.length === 1
  const inputs = named ? names.map((name): InputSpec => ({ ...matrix, name, rowShape: [], width: 1 })) : specs
  return {
    ...(named && { matrix }),
    inputs,
    features: inputs.map(({ name, kind, width }) => ({
      name,
      width,
      kind: width !== 1 ? 'vector' : kind === 'category' ? 'category' : 'number',
    })),
    resolve: (columns) => ({
      features: columns,
      ages: null,
      requests: null,
      violations: null,
      degraded: null,
    }),
  }
}

function toInput({ name, datatype, shape }: TensorSpec, variant: Variant): InputSpec {
  const declared = variant.signature.inputs.find((input) => input.name === name)
  return {
    name,
    kind: declared?.kind === 'timestamp' ? 'timestamp' : datatype === 'BYTES' ? 'category' : 'number',
    datatype,
    rowShape: shape.slice(1),
    width: widthOf(name, shape),
    nullable: takesMissing(datatype) && (declared?.nullable ?? true),
  }
}
