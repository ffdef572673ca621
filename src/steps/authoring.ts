import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import { durationMs, type Duration } from '../kernel/duration.ts'
import type {
  ArgumentOf,
  InputOf,
  JsonRef,
  Kind,
  Kinds,
  ModelRef,
  RefsOf,
  ResultsOf,
  TableRef,
} from './kinds.ts'
import { currentScope } from './run-scope.ts'
import type { Reference, Trigger } from './trigger-definition.ts'

/** What a step's body is given besides its inputs. */
export interface StepTools<Params, Out extends Kinds> {
  readonly params: Params
  /** DuckDB with one thread, so that equal inputs give equal bytes. */
  readonly sql: StepSql
  /** Adds a line to the step's log. `console.log` does so too. */
  readonly log: (text: string) => void
  /** Records a metric of the step's tracking run. */
  readonly metric: (key: string, value: number, step?: number) => void
  /** Paths where the step may write its output files. */
  readonly output: { readonly [Name in keyof Out]: string }
  /** Aborts when the step has run out of time or nobody waits for it any more. */
  readonly signal: AbortSignal
  /** The value of a secret that the step declares: an environment variable of the worker, redacted in logs. */
  readonly secret: (name: string) => string
}

export interface StepSql {
  query(
    sql: string,
    parameters?: readonly (string | number | boolean | null)[],
  ): Promise<Record<string, unknown>[]>
  columns(
    sql: string,
    parameters?: readonly (string | number | boolean | null)[],
  ): Promise<Record<string, unknown[]>>
  execute(sql: string): Promise<void>
  /** Writes the rows of a query to a Parquet file; give the result back as a table. */
  table(select: string): Promise<{ readonly path: string }>
}

export type StepInputs<In extends Kinds> = { readonly [Name in keyof In]: InputOf<In[Name]> }

/** How a step is run, apart from what it computes. Only `cache`, `files`, `env` and `salt` concern its fingerprint. */
interface StepOptions {
  /** `false` runs the step in every pipeline run; `maxAge` (as `7d`) reuses a result no longer than that. */
  cache?: false | { maxAge: Duration }
  /** Files of the project that the step reads; they travel with the code and are part of the fingerprint. */
  files?: readonly string[]
  /** A lock file of the project that stands for the step's environment. */
  env?: string
  /** Change it to make the step run again. */
  salt?: string
  /** How often a failed attempt is repeated. */
  retries?: number
  /** As `10m`; an attempt that takes longer has failed. */
  timeout?: Duration
  /** Names of secrets the step may read. */
  secrets?: readonly string[]
}

// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no inputs: only no keys at all says so
type None = Record<never, never>
type NoParams = z.ZodObject<None>
type ParamsSchema = z.ZodObject

export interface StepShape<In extends Kinds, P extends ParamsSchema, Out extends Kinds> extends StepOptions {
  in?: In
  params?: P
  out: Out
}

type Arguments<In extends Kinds, P extends ParamsSchema> = {
  readonly [Name in keyof In]: ArgumentOf<In[Name]>
} & (string extends keyof z.input<P> ? unknown : z.input<P>)

interface CallOptions {
  /** Tells apart two calls of an uncached step with the same inputs. */
  key?: string
}

/** A step: call it in a pipeline with refs and params; it gives refs at once and runs when its inputs are there. */
export interface Step<In extends Kinds, P extends ParamsSchema, Out extends Kinds> {
  (
    ...given: None extends Arguments<In, P>
      ? [values?: Arguments<In, P>, options?: CallOptions]
      : [values: Arguments<In, P>, options?: CallOptions]
  ): RefsOf<Out>
  readonly [STEP]: StepSource
}

const STEP: unique symbol = Symbol.for('tidemill.step') as never

/** A step as it was written, before it is known which module exports it. */
export interface StepSource extends StepOptions {
  kind: 'ts' | 'py' | 'sh' | 'built_in'
  name: string
  in: Kinds
  params: z.ZodObject
  out: Kinds
  /** Of a `ts` step. */
  run?: (scope: never) => unknown
  /** Of a `py` step: a path in the project. */
  script?: string
  /** Of a `sh` step. */
  command?: string
  /** Of a `built_in` step: raised when it computes something else. */
  version?: number
}

/**
 * A step in TypeScript. Export it from a module of its own: its fingerprint holds that module and everything it
 * imports from the project.
 */
export function step<
  const In extends Kinds = None,
  P extends ParamsSchema = NoParams,
  const Out extends Kinds = None,
>(
  name: string,
  shape: StepShape<In, P, Out> & {
    run: (scope: StepInputs<In> & StepTools<z.output<P>, Out>) => ResultsOf<Out> | Promise<ResultsOf<Out>>
  },
): Step<In, P, Out> {
  return makeStep({ ...sourceOf(name, shape), kind: 'ts', run: shape.run })
}

/** A Python script as a step. It reads `TIDEMILL_CONTEXT` and needs to import nothing of Tidemill. */
export function py<
  const In extends Kinds = None,
  P extends ParamsSchema = NoParams,
  const Out extends Kinds = None,
>(script: string, shape: StepShape<In, P, Out> & { name?: string }): Step<In, P, Out> {
  const { name = script.replace(/^.*\//, '').replace(/\.py$/, ''), ...rest } = shape
  return makeStep({ ...sourceOf(name, rest), kind: 'py', script })
}

/** Any command as a step, run by `/bin/sh`. Project files that the command names travel with the code. */
export function sh<
  const In extends Kinds = None,
  P extends ParamsSchema = NoParams,
  const Out extends Kinds = None,
>(name: string, shape: StepShape<In, P, Out> & { command: string }): Step<In, P, Out> {
  const { command, ...rest } = shape
  return makeStep({ ...sourceOf(name, rest), kind: 'sh', command })
}

/** A step that Tidemill brings with it. Not for projects. */
export function builtInStep<const In extends Kinds, P extends ParamsSchema, const Out extends Kinds>(
  name: string,
  version: number,
  shape: StepShape<In, P, Out>,
): Step<In, P, Out> {
  return makeStep({ ...sourceOf(name, shape), kind: 'built_in', version })
}

export function stepSource(value: unknown): StepSource | undefined {
  return typeof value === 'function' && STEP in value ? (value[STEP] as StepSource) : undefined
}

const TOOLS = ['params', 'sql', 'log', 'metric', 'output', 'signal', 'secret']
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/
const FIELD = /^[A-Za-z][A-Za-z0-9_]{0,63}$/

function sourceOf(
  name: string,
  shape: StepShape<Kinds, ParamsSchema, Kinds> & { run?: unknown },
): Omit<StepSource, 'kind'> {
  const { in: inputs = {}, params = z.object({}), out, run: _run, ...options } = shape
  if (!NAME.test(name)) {
    throw new AppError('invalid', `“${name}” can't name a step: use letters, digits, - and _, a letter first`)
  }
  for (const [field, kind] of [...Object.entries(inputs), ...Object.entries(out)])
    checkField(name, field, kind)
  for (const field of Object.keys(inputs)) {
    if (field in params.shape || TOOLS.includes(field)) {
      throw new AppError(
        'invalid',
        `The step ${name} has an input “${field}”, which is taken; name it otherwise`,
      )
    }
  }
  if (options.timeout) durationMs.parse(options.timeout)
  if (options.cache) durationMs.parse(options.cache.maxAge)
  return { ...options, name, in: inputs, params, out }
}

function checkField(name: string, field: string, kind: Kind): void {
  if (!FIELD.test(field))
    throw new AppError('invalid', `The step ${name}: “${field}” can't name an input or output`)
  if (['table', 'model', 'json'].includes(kind?.kind)) return
  throw new AppError('invalid', `The step ${name}: “${field}” must be Table, Model or Json(schema)`)
}

function makeStep<In extends Kinds, P extends ParamsSchema, Out extends Kinds>(
  source: StepSource,
): Step<In, P, Out> {
  const known = new Set([...Object.keys(source.in), ...Object.keys(source.params.shape)])
  const call = (values: Record<string, unknown> = {}, options: CallOptions = {}): unknown => {
    const scope = currentScope(source.name)
    const unknown = Object.keys(values).find((field) => !known.has(field))
    if (unknown) throw new AppError('invalid', `The step ${source.name} has no input or param “${unknown}”`)
    const inputs = Object.fromEntries(Object.keys(source.in).map((field) => [field, values[field]]))
    const given = Object.fromEntries(Object.keys(source.params.shape).map((field) => [field, values[field]]))
    const params = source.params.safeParse(given)
    if (!params.success) {
      throw new AppError(
        'invalid',
        `Wrong params of the step ${source.name}: ${z.prettifyError(params.error)}`,
      )
    }
    return scope.call(made, {
      name: source.name,
      out: source.out,
      inputs,
      params: params.data,
      given,
      key: options.key,
    })
  }
  const made = Object.assign(call, { [STEP]: source }) as unknown as Step<In, P, Out>
  return made
}

/** What a pipeline function is given. */
export interface PipelineScope<Params> {
  readonly params: Params
  readonly runId: string
  /** Why the run started. */
  readonly cause: RunCause
  /** The newest version of a dataset when the run first asked; the same one whenever the run is recovered. */
  readonly latest: (dataset: Reference) => TableRef
  /** The model behind the alias `champion` when the run first asked; undefined when there is none. */
  readonly champion: (model: Reference) => Promise<Champion | undefined>
  /** Asks for a new version of a registered model. Done once for a run, whatever crashes. */
  readonly register: (model: Reference, ref: ModelRef, options?: RegisterOptions) => void
  /** Asks for a deployment to serve a registered model that this run registers. Its gates and rollout decide. */
  readonly deploy: (deployment: Reference, ref: ModelRef, options?: EffectOptions) => void
}

export interface Champion {
  readonly version: number
  readonly model: ModelRef
}

interface EffectOptions {
  /** Tells apart two effects with the same input. */
  key?: string
}

interface RegisterOptions extends EffectOptions {
  /** Gives the new version the alias `challenger`. */
  challenger?: boolean
  /**
   * What is known of the model: `set` and `training` (what `trainingSet` and `train` give), `evaluation` (its gates judge
   * it), `profile` (of `referenceProfile`). Others become tags of the version.
   */
  facts?: Readonly<Record<string, FactRef>>
}

export type FactRef = JsonRef<unknown> | ModelRef

/** Why a run started; `detail` holds the ids of what caused it. */
export interface RunCause {
  readonly kind: 'on_demand' | 'cron' | 'new_data' | 'drift' | 'degraded'
  readonly sentence: string
  readonly detail: Readonly<Record<string, string | number>>
}

export interface PipelineSource {
  readonly kind: 'pipeline'
  readonly name: string
  readonly params: z.ZodObject
  readonly on: readonly Trigger[]
  readonly run: (scope: PipelineScope<never>) => unknown
}

/** A pipeline: an async function of steps. Anyone may start it on demand; `on` lists what else starts it. */
export function pipeline<P extends ParamsSchema = NoParams>(
  name: string,
  options: { params?: P; on?: readonly Trigger[] },
  run: (scope: PipelineScope<z.output<P>>) => unknown,
): PipelineSource {
  if (!NAME.test(name)) {
    throw new AppError(
      'invalid',
      `“${name}” can't name a pipeline: use letters, digits, - and _, a letter first`,
    )
  }
  return { kind: 'pipeline', name, params: options.params ?? z.object({}), on: options.on ?? [], run }
}
