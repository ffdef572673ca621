import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { inheritedEnvironment } from '../../kernel/inherited-environment.ts'
import { encodeFrame, FrameReader, type Frame } from './frames.ts'

export interface PythonOptions {
  /** What is started, such as `python3`. */
  python: string
  script: string
  args: readonly string[]
  cwd: string
  /** Sent first; answered when the model is loaded. */
  description: object
  startMs: number
  callMs: number
  maxResidentBytes: number
  /** What the process writes to its standard error, line by line. */
  onLine: (line: string) => void
  /** What happened to the process, for the log. */
  onEvent: (event: string) => void
}

export interface Reply {
  header: Record<string, unknown>
  body: Uint8Array
}

const BACKOFF_MS = [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000]
/** A process that answered for so long starts its backoff anew. */
const HEALTHY_MS = 60_000
const GRACE_MS = 3_000
const WATCH_MS = 500
const MAX_LINE = 2_000
const MAX_LINES_A_SECOND = 50
const PAGE_BYTES = 4096

/**
 * A Python process that answers frames, kept alive: a call that takes too long, too much memory or garbage on its output kills it, and it
 * starts again, later each time. It ends when its input closes, so none outlives its parent.
 */
export class PythonProcess implements AsyncDisposable {
  readonly #options: PythonOptions
  readonly #calls = new Map<number, { resolve: (reply: Reply) => void; reject: (error: unknown) => void }>()
  #child: ChildProcess | undefined
  #ready = false
  #startedMs = 0
  #failures = 0
  #nextId = 0
  #stopped = false
  #restart: NodeJS.Timeout | undefined

  private constructor(options: PythonOptions) {
    this.#options = options
  }

  /** Throws `invalid` with what Python said when the model can't be loaded, or not in time. */
  static async open(options: PythonOptions): Promise<PythonProcess> {
    const opened = new PythonProcess(options)
    try {
      await opened.#start()
    } catch (error) {
      await opened[Symbol.asyncDispose]()
      throw error
    }
    return opened
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Throws `unavailable` while the process starts again and when it dies under the call, `invalid` when it says that the input is wrong,
   * else `internal` with what Python said.
   */
  async call(header: object, bodies: readonly Uint8Array[] = []): Promise<Reply> {
    const child = this.#child
    if (!this.#ready || child?.stdin == null)
      throw new AppError(
        'unavailable',
        'The Python process of this model is starting again; try again in a moment',
      )
    const id = this.#nextId++
    const frame = encodeFrame({ ...header, id }, bodies)
    const { callMs } = this.#options
    const answer = Promise.withResolvers<Reply>()
    this.#calls.set(id, answer)
    const timer = setTimeout(() => this.#kill(`a call took longer than ${callMs} ms`), callMs)
    child.stdin.write(frame)
    try {
      return await answer.promise
    } finally {
      clearTimeout(timer)
      this.#calls.delete(id)
    }
  }

  async #start(): Promise<void> {
    const { python, script, args, cwd, description, startMs } = this.#options
    const child = spawn(python, ['-u', script, ...args], {
      cwd,
      env: environment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#startedMs = performance.now()
    let served = false
    const loaded = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const said = this.#readErrors(child)
    const reader = new FrameReader()
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) this.#receive(frame, loaded)
      } catch (error) {
        this.#kill(`it wrote no frame: ${messageOf(error)}`)
      }
    })
    // Writing to a process that is gone fails here; its end is what counts.
    child.stdin.on('error', () => undefined)
    child.once('error', (cause) => {
      loaded.reject(new AppError('invalid', `${python} can't be started: ${cause.message}`, { cause }))
      gone.resolve()
    })
    child.once('close', (code, signal) => {
      const ending = signal ?? `exit code ${code}`
      const last = said()
      loaded.reject(
        new AppError('invalid', `The Python process ended while loading (${ending})${last && `: ${last}`}`),
      )
      gone.resolve()
      if (served) this.#ended(ending)
    })
    child.stdin.write(encodeFrame(description))
    const late = new AppError('invalid', `The Python model was not loaded within ${startMs} ms`)
    const timer = setTimeout(() => loaded.reject(late), startMs)
    try {
      await loaded.promise
    } catch (error) {
      child.kill('SIGKILL')
      await gone.promise
      throw error
    } finally {
      clearTimeout(timer)
    }
    served = true
    this.#ready = true
    this.#watch(child)
  }

  #receive({ header, body }: Frame, loaded: PromiseWithResolvers<void>): void {
    if (header['ready'] === true) return loaded.resolve()
    if (typeof header['refused'] === 'string')
      return loaded.reject(new AppError('invalid', `The Python model can't be loaded: ${header['refused']}`))
    const call = this.#calls.get(Number(header['id']))
    if (typeof header['error'] !== 'string') return call?.resolve({ header, body })
    const code = header['input'] === true ? 'invalid' : 'internal'
    call?.reject(new AppError(code, `The model failed: ${header['error']}`))
  }

  /** Passes lines on, not more than the log can bear; tells the last one. */
  #readErrors(child: ChildProcess): () => string {
    let rest = ''
    let last = ''
    let second = 0
    let lines = 0
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop()!.slice(-MAX_LINE)
      for (const line of parts.filter((part) => part.trim() !== '')) {
        last = line.slice(0, MAX_LINE)
        const now = Math.floor(performance.now() / 1000)
        lines = now === second ? lines + 1 : 1
        second = now
        if (lines <= MAX_LINES_A_SECOND) this.#options.onLine(last)
      }
    })
    return () => last
  }

  #kill(reason: string): void {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null || this.#stopped) return
    this.#options.onEvent(`killed: ${reason}`)
    this.#child.kill('SIGKILL')
    this.#fail(new AppError('unavailable', `The Python process of this model was killed: ${reason}`))
  }

  #fail(error: AppError): void {
    this.#ready = false
    for (const call of this.#calls.values()) call.reject(error)
  }

  #ended(ending: string): void {
    this.#fail(
      new AppError('unavailable', `The Python process of this model ended (${ending}); it starts again`),
    )
    this.#again(ending)
  }

  #again(ending: string): void {
    if (this.#stopped || this.#restart !== undefined) return
    if (performance.now() - this.#startedMs > HEALTHY_MS) this.#failures = 0
    const waitMs = BACKOFF_MS[Math.min(this.#failures, BACKOFF_MS.length - 1)]!
    this.#failures += 1
    this.#options.onEvent(`ended (${ending}); starts again in ${waitMs} ms`)
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      this.#start().then(
        () => this.#options.onEvent('started again'),
        (error: unknown) => this.#again(messageOf(error)),
      )
    }, waitMs)
  }

  /** Memory is watched where the system tells it by /proc. */
  #watch(child: ChildProcess): void {
    const timer = setInterval(() => {
      void this.#checkMemory(child.pid!)
    }, WATCH_MS)
    timer.unref()
    child.once('exit', () => clearInterval(timer))
  }

  async #checkMemory(pid: number): Promise<void> {
    const { maxResidentBytes } = this.#options
    const bytes = await residentBytes(pid)
    if (bytes === undefined || bytes <= maxResidentBytes) return
    const [taken, allowed] = [bytes, maxResidentBytes].map((size) => Math.round(size / 1024 ** 2))
    this.#kill(`it took ${taken} MB of memory; it may take ${allowed}`)
  }

  /** Closes the input, on which the process ends; kills it when it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#restart)
    const child = this.#child
    this.#fail(new AppError('unavailable', 'The model was unloaded'))
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    await ended
    clearTimeout(timer)
  }
}

function environment(): NodeJS.ProcessEnv {
  return { ...inheritedEnvironment(), PYTHONDONTWRITEBYTECODE: '1', MLFLOW_DISABLE_TELEMETRY: 'true' }
}

async function residentBytes(pid: number): Promise<number | undefined> {
  try {
    const [, resident] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')
    return Number(resident) * PAGE_BYTES
  } catch {
    return undefined
  }
}
