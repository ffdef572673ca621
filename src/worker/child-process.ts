import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { AppError, messageOf } from '../kernel/errors.ts'
import { inheritedNodeEnvironment } from '../kernel/inherited-environment.ts'
import { endGroup } from '../kernel/process-group.ts'
import type { Answer, FunctionMessage, StepMessage, Task } from '../steps/steps.ts'
import type { ToChild } from './project-child.ts'

const SCRIPT = fileURLToPath(
  new URL(`./project-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
/** How long a task that was told to end may take to do so. */
const GRACE_MS = 1_000

export type FromChild = StepMessage | FunctionMessage

/** A warm process with one snapshot's code. It runs one task at a time. */
export class ProjectProcess implements Disposable {
  readonly folder: string
  readonly #child: ChildProcess
  #foreignPid: number | undefined
  #usable = true

  constructor(folder: string) {
    this.folder = folder
    this.#child = fork(SCRIPT, [folder], {
      cwd: folder,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: inheritedNodeEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'json',
    })
    this.#child.once('exit', () => {
      this.#usable = false
      if (this.#foreignPid !== undefined) endGroup(this.#foreignPid)
    })
    this.#child.once('error', () => {
      this.#usable = false
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** False when the process has ended, or must not be given another task. */
  get usable(): boolean {
    return this.#usable
  }

  /**
   * Gives the process a task and passes on what it says, until `isLast` says that it is done. Rejects when the
   * process dies, or when the signal aborts: then it has a moment to end the task, and is killed.
   */
  async run(
    task: Task,
    signal: AbortSignal,
    message: (message: FromChild, answer: (answer: Answer) => void) => boolean,
  ): Promise<void> {
    const answer = (sent: Answer): void => this.#send(sent)
    const done = Promise.withResolvers<void>()
    const onMessage = (told: FromChild): void => {
      if (told.type === 'foreign') this.#foreignPid = told.pid
      if (message(told, answer)) done.resolve()
    }
    const onExit = (code: number | null, killer: NodeJS.Signals | null): void =>
      done.reject(new AppError('invalid', `The process of the step ${endingOf(code, killer)}`))
    const onAbort = (): void => {
      this.#usable = false
      this.#send({ type: 'abort', reason: messageOf(signal.reason) })
      setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS).unref()
    }
    this.#child.on('message', onMessage)
    this.#child.once('exit', onExit)
    try {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        onExit(this.#child.exitCode, this.#child.signalCode)
      }
      if (signal.aborted) throw signal.reason
      signal.addEventListener('abort', onAbort, { once: true })
      this.#send(task)
      await done.promise
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      done.promise.catch(() => undefined)
      signal.removeEventListener('abort', onAbort)
      this.#child.off('message', onMessage)
      this.#child.off('exit', onExit)
      this.#foreignPid = undefined
    }
  }

  #send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  async end(): Promise<void> {
    this[Symbol.dispose]()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }

  [Symbol.dispose](): void {
    this.#usable = false
    this.#child.kill('SIGKILL')
  }
}

function endingOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === 'SIGKILL') return 'was killed (SIGKILL): by a person, or by the system when memory ran out'
  return signal === null ? `ended by itself with exit code ${code}` : `was ended by ${signal}`
}
