import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { Code, Launcher, RawOutput, StepMessage } from '../steps/steps.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { ProcessPool } from './process-pool.ts'

/** Runs project code in child processes of this worker. */
export class LocalLauncher implements Launcher, AsyncDisposable {
  readonly #context: Pick<Context, 'artifacts' | 'config'>
  readonly #steps: ProcessPool
  readonly #functions: ProcessPool

  constructor(context: Pick<Context, 'artifacts' | 'config'>) {
    this.#context = context
    this.#steps = new ProcessPool(context.config.workSlots)
    this.#functions = new ProcessPool(2)
  }

  async folderOf({ snapshot, dependencies }: Code): Promise<string> {
    return await unpackSnapshot(this.#context, { hash: snapshot, dependencies })
  }

  async runStep(
    code: Code,
    task: Parameters<Launcher['runStep']>[1],
    watch: { signal: AbortSignal; message(message: StepMessage): void },
  ): Promise<Record<string, RawOutput>> {
    const folder = await this.folderOf(code)
    const timeout = new AbortController()
    const timer =
      task.timeoutMs === null
        ? undefined
        : setTimeout(() => timeout.abort(tooLong(task.step.name, task.timeoutMs!)), task.timeoutMs)
    const signal = AbortSignal.any([watch.signal, timeout.signal])
    try {
      return await this.#steps.use(folder, async (process) => {
        let outputs: Record<string, RawOutput> | undefined
        let thrown: string | undefined
        await process.run(task, signal, (told) => {
          const message = told as StepMessage
          if (message.type === 'gave') ({ outputs } = message)
          else if (message.type === 'threw') thrown = message.error
          else watch.message(message)
          return message.type === 'gave' || message.type === 'threw'
        })
        if (outputs) return outputs
        throw new AppError('invalid', thrown ?? `The step ${task.step.name} gave nothing`)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  async runFunction(
    code: Code,
    task: Parameters<Launcher['runFunction']>[1],
    host: Parameters<Launcher['runFunction']>[2],
  ): Promise<{ error: string | null }> {
    const folder = await this.folderOf(code)
    return await this.#functions.use(folder, async (process) => {
      let error: string | null = null
      await process.run(task, host.signal, (message, answer) => {
        if (message.type === 'finished') ({ error } = message)
        else if (message.type === 'call' || message.type === 'pin' || message.type === 'effect')
          host.message(message, answer)
        return message.type === 'finished'
      })
      return { error }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#steps[Symbol.asyncDispose](), this.#functions[Symbol.asyncDispose]()])
  }
}

function tooLong(step: string, timeoutMs: number): AppError {
  return new AppError(
    'invalid',
    `The step ${step} took longer than its timeout of ${timeoutMs / 1000} seconds`,
  )
}
