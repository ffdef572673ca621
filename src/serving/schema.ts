import { z } from 'zod'
import type { FeatureServiceSpec, ServedFeatures } from '../features/schema.ts'
import type { TokenAccess } from '../governance/governance.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { PersonalPolicies } from '../privacy/definition.ts'
import type { Datatype } from '../ports/inference/inference.ts'

export type Task = 'binary' | 'multiclass' | 'regression' | 'forecast'

/** What a model takes and gives. Without a feature service the inputs are what a request carries. */
export interface Signature {
  inputs: readonly { name: string; kind: FeatureKind; datatype: Datatype; nullable: boolean }[]
  outputs: readonly { name: string; datatype: Datatype; shape: readonly number[] }[]
  task: Task
  /** Labels of a classifier, in the order of its probabilities. */
  classes?: readonly (string | number)[]
  /** Where the score of a row stands. */
  score?: { output: string; column?: number }
  /** Names of the columns of a single matrix input. */
  features?: readonly string[]
}
export type FeatureKind = 'number' | 'category' | 'timestamp'

/** What all gateways serve: one document, one generation. Built by the rollout room, followed by gateways. */
export interface DesiredState {
  generation: number
  replay: boolean
  deployments: DesiredDeployment[]
  /** Features that projects declare, which the gateways serve by themselves. */
  features?: readonly ProjectFeatures[]
  /** API tokens that gateways take. */
  tokens?: readonly TokenAccess[]
}

export interface ProjectFeatures extends ServedFeatures {
  project: string
}

export interface DesiredDeployment {
  projectId: string
  project: string
  name: string
  task: Task
  /** What is assigned to a variant: each request, or whatever a header or an input of the request names. */
  unit: Unit
  policy: Policy
  /** The entity that requests may name even where the model does not use it; its key is logged. */
  entity?: { name: string; key: string }
  /** What is done with personal columns of requests, and the id of the key that hashes them. */
  personal?: { columns: PersonalPolicies; keyId?: string }
  stable: Variant
  candidate?: Candidate
  /** Versions that requests may name. Stable, candidate and previous can always be named. */
  pinned: Variant[]
  /** Kept loaded, so that a rollback is one generation away. */
  previous?: Variant
  /** The deployment is served elsewhere; the gateway passes requests on and logs them. */
  upstream?: { url: string }
}

type Unit = 'request' | { header: string } | { input: string }

export interface Policy {
  version: number
  /** Binary tasks: the decision is `true` from this score on. */
  threshold?: number
  fallback?: JsonObject
  /** An answer slower than this counts as slow in a rollout; 50 ms when not given. */
  latencySloMs?: number
}

export interface Variant {
  modelVersionId: string
  model: string
  version: number
  /** The ONNX graph; without it the model is a Python one. */
  onnxSha256?: string
  python?: PythonModel
  signature: Signature
  featureService?: FeatureServiceSpec
  codeSnapshot?: string
  layoutSha256?: string
}

/** An MLflow pyfunc model: a folder of files, and what its signature says of inputs and outputs. */
export interface PythonModel {
  files: readonly { path: string; sha256: string }[]
  inputs: readonly PythonTensor[]
  outputs: readonly PythonTensor[]
  /** Inputs are the columns of one table; else tensors. */
  table: boolean
}

export interface PythonTensor {
  name: string
  datatype: Datatype
  shape: readonly number[]
  /** Milliseconds since the epoch, which Python gets as times. */
  time?: boolean | undefined
  /** A tensor without a name, which Python gets by itself. */
  unnamed?: boolean | undefined
}

export interface Candidate extends Variant {
  rolloutId: string
  stage: number
  mode: 'shadow' | 'canary'
  /** Of 10,000 units. Only followed while the candidate's lease is live. */
  weight: number
}

/** What is answered when features are too old or missing, instead of the model's score. */
export const fallbackSchema = z
  .strictObject({
    on: z
      .array(z.enum(['stale', 'missing']))
      .min(1)
      .default(['stale', 'missing']),
    score: z.number().optional(),
    decision: z.string().optional(),
  })
  .refine(({ score, decision }) => score !== undefined || decision !== undefined, {
    error: 'A fallback needs a score or a decision',
  })
export type Fallback = z.infer<typeof fallbackSchema>
