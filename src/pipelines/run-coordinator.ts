import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { hashJson, type Json, type JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import { callKey } from './call-key.ts'
import type { ChangeWatch } from './change-watch.ts'
import type { Answer, FunctionMessage, InputSource } from '../steps/steps.ts'
import { findHit, hasBlobs, joinOrStart, leaveExecution, type ExecutionRequest } from './executions.ts'
import { fingerprintOf, hashFingerprint } from './fingerprint.ts'
import { versionOutput, type PinResolver } from './pins.ts'
import { outputSchema, type Effect, type Output, type Outputs } from './schema.ts'
import { findExecution, insertEffect, listStepRunRows, outputsOf, type PipelineCode } from './store.ts'
import { StepRecorder } from './step-recorder.ts'
import type { ExecutionRow, PipelineRunRow, StepRunRow } from './tables.ts'

type CallMessage = Extract<FunctionMessage, { type: 'call' }>
type PinMessage = Extract<FunctionMessage, { type: 'pin' }>
type EffectMessage = Extract<FunctionMessage, { type: 'effect' }>

/** What a settled call gave; a failed one rejects with the sentence to show. */
interface Given {
  outputs: Outputs
  executionId?: string
}

export interface CoordinatorParts {
  context: Pick<Context, 'db' | 'artifacts' | 'clock' | 'ids' | 'log'>
  run: PipelineRunRow
  job: Job
  code: PipelineCode
  watch: ChangeWatch
  pins: PinResolver
  /** The runtime of a kind of step, as its fingerprint names it. */
  runtimeOf(kind: string): Promise<string>
  /** Aborts when the run is cancelled or its job is lost. */
  signal: AbortSignal
  /** Gives the run back: something failed that is no fault of its steps. */
  abandon(error: unknown): void
}

/** Carries out the calls of one pipeline run: finds results that are there, joins what runs, starts what is missing. */
export class RunCoordinator {
  readonly #parts: CoordinatorParts
  readonly #recorder: StepRecorder
  readonly #earlier = new Map<string, StepRunRow>()
  readonly #keys = new Map<number, string>()
  /** The step run of each call key; calls with the same key share it. */
  readonly #stepRuns = new Map<string, string>()
  readonly #calls = new Map<number, Promise<Given>>()
  readonly #byKey = new Map<string, Promise<Given>>()
  #positions = 0

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
    this.#recorder = new StepRecorder(parts.context, parts.job)
  }

  /** Reads what an earlier attempt of the run has recorded. */
  async recover(): Promise<void> {
    for (const row of await listStepRunRows(this.#parts.context.db.read, this.#parts.run.id)) {
      this.#earlier.set(row.call_key, row)
      this.#positions = Math.max(this.#positions, row.position + 1)
    }
  }

  receive(message: Exclude<FunctionMessage, { type: 'finished' }>, answer: (answer: Answer) => void): void {
    const given = this.#carryOut(message)
    this.#calls.set(message.call, given)
    given.then(
      ({ outputs }) => answer({ type: 'answer', call: message.call, ok: true, values: valuesOf(outputs) }),
      (error: unknown) => {
        // The function must not take the end of its run for the failure of a step.
        if (this.#parts.signal.aborted) return
        answer({ type: 'answer', call: message.call, ok: false, error: messageOf(error) })
      },
    )
  }

  /** Writes what is still to be written. */
  async flush(): Promise<void> {
    await this.#recorder.flush()
  }

  /** After a cancellation: nothing of the run goes on. */
  async cancelAll(): Promise<void> {
    const { context, run, job } = this.#parts
    await this.#recorder.flush()
    await context.db.write(async (trx) => {
      await fence(trx, job)
      const now = await context.db.wallTime(trx)
      for (const row of await listStepRunRows(trx, run.id)) {
        if (row.state !== 'waiting' && row.state !== 'running') continue
        await this.#recorder.write(trx, { ...row, state: 'cancelled', finished_ms: now })
        if (row.execution_id !== null) await leaveExecution(trx, row.execution_id, now)
      }
    })
  }

  #carryOut(message: Exclude<FunctionMessage, { type: 'finished' }>): Promise<Given> {
    if (message.type === 'pin') return this.#pin(message)
    if (message.type === 'effect') return this.#effect(message)
    const key = callKey(message, (call) => this.#keys.get(call)!)
    this.#keys.set(message.call, key)
    const same = this.#byKey.get(key)
    if (same) return same
    const given = this.#step(message, key)
    this.#byKey.set(key, given)
    return given
  }

  async #pin({ kind, name }: PinMessage): Promise<Given> {
    const pin = await this.#parts.pins.resolve(kind, name)
    if (!pin) return { outputs: {} }
    return { outputs: { pinned: pin.output, version: versionOutput(pin.version) } }
  }

  async #step(message: CallMessage, key: string): Promise<Given> {
    const { code } = this.#parts
    const step = code.steps.get(message.step)
    if (!step) throw new AppError('internal', `The project version has no step ${message.step}`)
    const row = this.#newRow(message, key, step)
    if (!this.#earlier.has(key)) this.#recorder.put(row)
    let inputs: Record<string, Given & { output: Output }>
    try {
      inputs = await this.#inputs(message.inputs)
    } catch (error) {
      if (isOurs(error)) this.#parts.abandon(error)
      else
        this.#recorder.put(
          Object.assign(row, { state: 'skipped', error: messageOf(error), finished_ms: Date.now() }),
        )
      throw error
    }
    try {
      const execution = await this.#execution(message, row, step, inputs)
      return { outputs: outputsOf(execution), executionId: execution.id }
    } catch (error) {
      if (row.state !== 'failed') this.#parts.abandon(error)
      throw error
    }
  }

  /** The committed execution of a call: of an earlier attempt, a hit, or one that runs now. */
  async #execution(
    message: CallMessage,
    row: StepRunRow,
    step: ExecutionRequest['step'],
    inputs: Record<string, { output: Output }>,
  ): Promise<ExecutionRow> {
    const { context, run } = this.#parts
    const earlier = this.#earlier.get(row.call_key)
    if (earlier?.state === 'failed') throw this.#failAgain(row, earlier)
    const outputs = Object.fromEntries(Object.entries(inputs).map(([name, { output }]) => [name, output]))
    const fingerprint = fingerprintOf({
      step,
      params: message.params,
      inputs: Object.fromEntries(Object.entries(outputs).map(([name, { sha256 }]) => [name, sha256])),
      runtime: await this.#parts.runtimeOf(step.kind),
    })
    const request: ExecutionRequest = {
      projectId: run.project_id,
      projectVersionId: run.project_version_id,
      runId: run.id,
      step,
      fingerprint,
      cacheKey: step.cache === 'never' ? `${run.id}:${row.call_key}` : hashFingerprint(fingerprint),
      params: message.params,
      inputs: outputs,
    }
    const hit = (await this.#earlierResult(row, earlier)) ?? (await findHit(context, request))
    if (!hit) return await this.#await(request, row)
    const cached = earlier?.state === 'succeeded' ? earlier.cached : isOwn(hit, run)
    this.#recorder.put(
      Object.assign(row, {
        state: 'succeeded',
        cached,
        execution_id: hit.id,
        started_ms: earlier?.started_ms ?? Date.now(),
        finished_ms: earlier?.finished_ms ?? Date.now(),
      }),
    )
    return hit
  }

  #failAgain(row: StepRunRow, earlier: StepRunRow): Error {
    const { error, execution_id, started_ms, finished_ms } = earlier
    this.#recorder.put(Object.assign(row, { state: 'failed', error, execution_id, started_ms, finished_ms }))
    return new AppError('invalid', earlier.error ?? `The step ${row.name} failed`)
  }

  /** What became of the execution that an earlier attempt of the run waited for; throws when it failed. */
  async #earlierResult(row: StepRunRow, earlier: StepRunRow | undefined): Promise<ExecutionRow | undefined> {
    if (!earlier || earlier.execution_id === null) return undefined
    const { context } = this.#parts
    const execution = await findExecution(context.db.read, earlier.execution_id)
    if (execution?.state === 'failed') {
      throw this.#failAgain(row, { ...earlier, error: execution.error, finished_ms: execution.finished_ms })
    }
    return execution?.state === 'succeeded' && (await hasBlobs(context, execution)) ? execution : undefined
  }

  /** Joins or starts the execution and waits for its end. */
  async #await(request: ExecutionRequest, row: StepRunRow, stale?: string): Promise<ExecutionRow> {
    const { context, watch, signal, run } = this.#parts
    const joined = await this.#join(request, row, stale)
    const ended = joined.state === 'running' ? await watch.ended(joined.id, signal) : joined
    if (ended.state === 'cancelled') return await this.#await(request, row)
    if (ended.state === 'failed') {
      const error = ended.error ?? 'the step failed'
      this.#recorder.put(Object.assign(row, { state: 'failed', error, finished_ms: ended.finished_ms }))
      throw new AppError('invalid', error)
    }
    if (joined.state === 'succeeded' && !(await hasBlobs(context, ended))) {
      return await this.#await(request, row, ended.id)
    }
    const cached = isOwn(ended, run)
    this.#recorder.put(Object.assign(row, { state: 'succeeded', cached, finished_ms: ended.finished_ms }))
    return ended
  }

  /** On PostgreSQL two runs may start the same execution at once: the later one finds it when it looks again. */
  async #join(request: ExecutionRequest, row: StepRunRow, stale: string | undefined): Promise<ExecutionRow> {
    const { context, job } = this.#parts
    const work = async (trx: Trx): Promise<ExecutionRow> => {
      await fence(trx, job)
      const execution = await joinOrStart(context, trx, request, stale)
      const started_ms = row.started_ms ?? (await context.db.wallTime(trx))
      Object.assign(row, { state: 'running', execution_id: execution.id, started_ms })
      await this.#recorder.write(trx, row)
      return execution
    }
    try {
      return await context.db.write(work)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      return await context.db.write(work)
    }
  }

  async #inputs(
    sources: Readonly<Record<string, InputSource>>,
  ): Promise<Record<string, Given & { output: Output }>> {
    const entries = Object.entries(sources).map(
      async ([name, source]) => [name, await this.#input(source)] as const,
    )
    await Promise.allSettled(entries)
    return Object.fromEntries(await Promise.all(entries))
  }

  async #input(source: InputSource): Promise<Given & { output: Output }> {
    if (source.from === 'value') {
      const { value } = source
      return { outputs: {}, output: { kind: 'json', sha256: hashJson(value), value } }
    }
    if (source.from === 'pin') {
      const pin = await this.#parts.pins.resolve(source.kind, source.name)
      if (!pin) throw new AppError('not_found', `The model ${source.name} has no champion`)
      return { outputs: {}, output: pin.output }
    }
    const given = await this.#calls.get(source.call)!
    return { ...given, output: outputSchema.parse(given.outputs[source.output]) }
  }

  async #effect(message: EffectMessage): Promise<Given> {
    const { context, run, job } = this.#parts
    const { output: model, executionId } = await this.#input(message.model)
    const facts = await this.#inputs(message.facts)
    const values = Object.entries(facts).map(([name, { output }]) => [name, factOf(output)] as const)
    const input: Effect['input'] = {
      name: message.name,
      model: model.sha256,
      ...(executionId !== undefined && { executionId }),
      challenger: message.challenger,
      facts: Object.fromEntries(values),
      ...(message.key !== null && { key: message.key }),
    }
    const { executionId: _execution, ...identity } = input
    const effectId = context.ids.uuid()
    await context.db.write(async (trx) => {
      await fence(trx, job)
      const fresh = await insertEffect(trx, {
        id: effectId,
        project_id: run.project_id,
        run_id: run.id,
        kind: message.kind,
        effect_key: hashJson(identity),
        input_json: JSON.stringify(input),
        state: 'requested',
        result_json: null,
        created_ms: await context.db.wallTime(trx),
        finished_ms: null,
      })
      if (!fresh) return
      await appendEvent(trx, {
        projectId: run.project_id,
        kind: 'effect.requested',
        payload: { effectId, runId: run.id, kind: message.kind },
        atMs: context.clock.now(),
      })
    })
    return { outputs: {} }
  }

  #newRow(message: CallMessage, key: string, step: ExecutionRequest['step']): StepRunRow {
    const earlier = this.#earlier.get(key)
    const id = earlier?.id ?? this.#parts.context.ids.uuid()
    this.#stepRuns.set(key, id)
    return {
      id,
      project_id: this.#parts.run.project_id,
      run_id: this.#parts.run.id,
      call_key: key,
      position: earlier?.position ?? this.#positions++,
      step_id: step.id,
      name: step.name,
      kind: step.kind,
      state: 'waiting',
      cached: 0,
      execution_id: null,
      params_json: JSON.stringify(message.params),
      upstream_json: JSON.stringify(this.#upstream(message)),
      error: null,
      created_ms: earlier?.created_ms ?? Date.now(),
      started_ms: null,
      finished_ms: null,
    }
  }

  /** The step runs whose outputs the call takes; datasets and champions have none. */
  #upstream({ upstream }: CallMessage): string[] {
    const ids = upstream.map((call) => this.#stepRuns.get(this.#keys.get(call) ?? ''))
    return [...new Set(ids.filter((id) => id !== undefined))]
  }
}

/** 0 when the run itself had the execution made, 1 when it found it. */
function isOwn(execution: ExecutionRow, run: PipelineRunRow): 0 | 1 {
  return execution.run_id === run.id ? 0 : 1
}

/** A failure that says nothing about the step: the run is given back and recovered. */
function isOurs(error: unknown): boolean {
  return !(error instanceof AppError) || ['internal', 'conflict', 'unavailable'].includes(error.code)
}

/** What the function may read: the JSON outputs. */
function valuesOf(outputs: Outputs): JsonObject {
  const values: JsonObject = {}
  for (const [name, output] of Object.entries(outputs))
    if (output.kind === 'json') values[name] = output.value
  return values
}

/** A JSON value as it is; a file by its hash. */
function factOf(output: Output): Json {
  return output.kind === 'json' ? output.value : { sha256: output.sha256 }
}
