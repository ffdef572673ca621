import { AppError, messageOf } from '../kernel/errors.ts'
import type { Json, JsonObject } from '../kernel/json.ts'
import type { Answer, FunctionMessage, FunctionTask, InputSource } from './child-protocol.ts'
import { split } from './built-in.ts'
import type { Champion, FactRef, PipelineScope, PipelineSource } from './authoring.ts'
import type { Kind, ModelRef, TableRef } from './kinds.ts'
import {
  runInScope,
  type DatasetsOfTable,
  type RunScope,
  type ScopedCall,
  type ServiceFacts,
} from './run-scope.ts'
import { nameOf } from './trigger-definition.ts'

interface Call {
  number: number
  name: string
  /** Calls whose refs it takes. */
  upstream: Call[]
  settled: Promise<JsonObject>
  failure: string | undefined
  /** Whether the function itself looked at the call's outcome. */
  observed: boolean
}

/** What the function's project knows. */
export interface FunctionProject {
  /** The id of a step that some module exports, or of a built-in one. */
  idOf(step: object): string | undefined
  services: ReadonlyMap<string, ServiceFacts>
}

interface RefFacts {
  source: InputSource
  call: Call
  datasets?: DatasetsOfTable | undefined
}

/**
 * One run of a pipeline's function, in its child process. Steps are carried out by the parent: a call is sent, and a
 * ref given back at once. Every call is observed here, so that one that nobody awaits never is an unhandled rejection.
 */
export class FunctionRun implements RunScope {
  readonly #task: FunctionTask
  readonly #project: FunctionProject
  readonly #send: (message: FunctionMessage) => void
  readonly #calls: Call[] = []
  readonly #waiting = new Map<number, { resolve(values: JsonObject): void; reject(error: Error): void }>()
  readonly #refs = new WeakMap<object, RefFacts>()
  /** Objects that the function read from a ref. */
  readonly #read = new WeakMap<object, Call>()

  constructor(task: FunctionTask, project: FunctionProject, send: (message: FunctionMessage) => void) {
    this.#task = task
    this.#project = project
    this.#send = send
  }

  /** Runs the function, then waits until every call has settled; never rejects. */
  async run({ run, params }: PipelineSource): Promise<void> {
    let error: string | null = null
    try {
      const scope = this.#scope(params.parse(this.#task.params))
      await runInScope(this, () => run(scope as never))
    } catch (thrown) {
      error = messageOf(thrown)
    }
    for (let settled = 0; settled < this.#calls.length;) {
      settled = this.#calls.length
      await Promise.allSettled(this.#calls.map((call) => call.settled))
    }
    this.#send({ type: 'finished', error: error ?? this.#unhandled() })
  }

  receive(answer: Answer): void {
    const waiting = this.#waiting.get(answer.call)
    this.#waiting.delete(answer.call)
    if (answer.ok) waiting?.resolve(answer.values)
    else waiting?.reject(new Error(answer.error))
  }

  call(
    step: object,
    { name, out, inputs, params, given, key }: ScopedCall,
  ): Readonly<Record<string, unknown>> {
    const id = this.#project.idOf(step)
    if (id === undefined) {
      throw new AppError(
        'invalid',
        `The step ${name} is not exported from any module. Export it, so that a worker can find it.`,
      )
    }
    const sources = Object.entries(inputs).map(
      ([field, value]) => [field, this.#sourceOf(name, field, value)] as const,
    )
    const upstream = Object.values(inputs).flatMap((value) => this.#factsOf(value)?.call ?? [])
    const behind = new Set([...upstream, ...this.#callsBehind([inputs, given])])
    const made = this.#start(name, upstream, (number) => ({
      type: 'call',
      call: number,
      step: id,
      params: params as JsonObject,
      inputs: Object.fromEntries(sources),
      upstream: Array.from(behind, (call) => call.number),
      key: key ?? null,
    }))
    const datasets = this.#datasetsBehind(Object.values(inputs), step === split)
    return Object.fromEntries(
      Object.entries(out).map(([output, kind]) => [
        output,
        this.#ref(kind, { source: { from: 'call', call: made.number, output }, call: made, datasets }),
      ]),
    )
  }

  #start(name: string, upstream: Call[], message: (call: number) => FunctionMessage): Call {
    const number = this.#calls.length
    const settled = new Promise<JsonObject>((resolve, reject) =>
      this.#waiting.set(number, { resolve, reject }),
    )
    const call: Call = { number, name, upstream, settled, failure: undefined, observed: false }
    settled.catch((error: unknown) => {
      call.failure = messageOf(error)
    })
    this.#calls.push(call)
    this.#send(message(number))
    return call
  }

  #ref(kind: Kind, facts: RefFacts): object {
    const { call, source } = facts
    const observe = (): Promise<JsonObject> => {
      call.observed = true
      return call.settled
    }
    const done = async (): Promise<void> => void (await observe())
    const ref =
      kind.kind === 'json'
        ? {
            done,
            // Thenable on purpose: awaiting a JSON ref reads its value.
            // oxlint-disable-next-line unicorn/no-thenable
            then: (resolve?: (value: unknown) => unknown, reject?: (error: unknown) => unknown) =>
              observe()
                .then((values) =>
                  this.#remember(
                    kind.schema.parse(source.from === 'call' ? values[source.output] : undefined),
                    call,
                  ),
                )
                .then(resolve, reject),
          }
        : { done }
    this.#refs.set(ref, facts)
    return ref
  }

  #scope(params: unknown): PipelineScope<unknown> {
    const { runId, cause } = this.#task
    return {
      params,
      runId,
      cause,
      latest: (dataset) => this.latest(nameOf(dataset)),
      champion: (model) => this.#champion(nameOf(model)),
      register: (model, ref, { key, challenger = false, facts = {} } = {}) =>
        this.#effect('register', nameOf(model), ref, { key, challenger, facts }),
      deploy: (deployment, ref, { key } = {}) =>
        this.#effect('deploy', nameOf(deployment), ref, { key, challenger: false, facts: {} }),
    }
  }

  service(name: string): ServiceFacts {
    const found = this.#project.services.get(name)
    if (found) return found
    throw new AppError('invalid', `The project has no feature service ${name}`)
  }

  latest(name: string): TableRef {
    const call = this.#start(`latest(${name})`, [], (number) => ({
      type: 'pin',
      call: number,
      kind: 'dataset',
      name,
    }))
    const source = { from: 'pin', kind: 'dataset', name } as const
    return this.#ref(
      { kind: 'table' },
      { source, call, datasets: { names: [name], isItself: true } },
    ) as TableRef
  }

  datasetsOf(table: TableRef): DatasetsOfTable | undefined {
    return this.#factsOf(table)?.datasets
  }

  #datasetsBehind(inputs: readonly unknown[], keepsRows: boolean): DatasetsOfTable | undefined {
    const behind = inputs.flatMap((input) => this.#factsOf(input)?.datasets ?? [])
    if (behind.length === 0) return undefined
    const names = new Set(behind.flatMap((each) => each.names))
    return { names: [...names].sort(), isItself: keepsRows && behind.every(({ isItself }) => isItself) }
  }

  async #champion(name: string): Promise<Champion | undefined> {
    const call = this.#start(`champion(${name})`, [], (number) => ({
      type: 'pin',
      call: number,
      kind: 'champion',
      name,
    }))
    call.observed = true
    const { version } = await call.settled
    if (version === undefined) return undefined
    const model = this.#ref(
      { kind: 'model' },
      { source: { from: 'pin', kind: 'champion', name }, call },
    ) as ModelRef
    return { version: Number(version), model }
  }

  #effect(
    kind: 'register' | 'deploy',
    name: string,
    ref: ModelRef,
    {
      key,
      challenger,
      facts,
    }: { key: string | undefined; challenger: boolean; facts: Readonly<Record<string, FactRef>> },
  ): void {
    const model = this.#sourceOf(kind, 'the model', ref)
    const sources = Object.entries(facts).map(
      ([fact, value]) => [fact, this.#sourceOf(kind, fact, value)] as const,
    )
    const upstream = [ref, ...Object.values(facts)].flatMap((value) => this.#factsOf(value)?.call ?? [])
    this.#start(`${kind}(${name})`, upstream, (call) => ({
      type: 'effect',
      call,
      kind,
      name,
      model,
      challenger,
      facts: Object.fromEntries(sources),
      key: key ?? null,
    }))
  }

  #factsOf(value: unknown): RefFacts | undefined {
    return typeof value === 'object' && value !== null ? this.#refs.get(value) : undefined
  }

  #remember(value: unknown, call: Call): unknown {
    if (typeof value === 'object' && value !== null) this.#read.set(value, call)
    return value
  }

  /** Calls whose values are in this one, however deep. A number or a text does not tell where it comes from. */
  #callsBehind(value: unknown): Call[] {
    if (typeof value !== 'object' || value === null || this.#refs.has(value)) return []
    const call = this.#read.get(value)
    return call ? [call] : Object.values(value).flatMap((inner) => this.#callsBehind(inner))
  }

  #sourceOf(step: string, field: string, value: unknown): InputSource {
    const facts = this.#factsOf(value)
    if (facts) return facts.source
    if (value === undefined) throw new AppError('invalid', `The step ${step} lacks its input “${field}”`)
    return { from: 'value', value: value as Json }
  }

  /** The first failure that the function did not look at, neither itself nor through a call that took its refs. */
  #unhandled(): string | null {
    const handled = new Set<Call>()
    const mark = (call: Call): void => {
      if (handled.has(call)) return
      handled.add(call)
      call.upstream.forEach(mark)
    }
    this.#calls.filter((call) => call.observed).forEach(mark)
    const failed = this.#calls.find((call) => call.failure !== undefined && !handled.has(call))
    return failed ? `${failed.name}: ${failed.failure}` : null
  }
}
