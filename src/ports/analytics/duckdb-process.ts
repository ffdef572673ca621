import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../kernel/errors.ts'
import { inheritedNodeEnvironment } from '../../kernel/inherited-environment.ts'
import type { Analytics, AnalyticsRow, AnalyticsSession } from './analytics.ts'
import { onceInSession } from './once-in-session.ts'
import type { Answered, Asked, DuckDbOptions, Interrupt, Work } from './process-messages.ts'

const SCRIPT = fileURLToPath(
  new URL(`./duckdb-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
/** A process that nobody has asked for so long gives its memory back. */
const IDLE_MS = 300_000
/** An interrupted query that is not over by then takes the process with it. */
const GRACE_MS = 5_000
/** Queries at once; each is mostly threads of DuckDB itself. */
const QUERIES_AT_ONCE = 16

/**
 * DuckDB in a process of its own, started when first asked: a query that crashes it, or takes more memory than there is, fails, and whoever asks
 * next gets a new process. What fails with the process throws `unavailable`.
 */
export function duckDbProcess(options: { memoryLimit: string; idleMs?: number }): Analytics {
  let current: DuckDbChild | undefined
  const session = async (threads: number | undefined): Promise<AnalyticsSession> => {
    if (!current?.usable) current = new DuckDbChild(options)
    return await current.open(threads)
  }
  return {
    ...onceInSession(() => session(undefined)),
    session: ({ threads } = {}) => session(threads),
    async [Symbol.asyncDispose]() {
      await current?.[Symbol.asyncDispose]()
    },
  }
}

class DuckDbChild implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #idleMs: number
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  /** Sessions that are open, and since when what runs in them is interrupted. */
  readonly #sessions = new Map<number, number | undefined>()
  #idle: NodeJS.Timeout | undefined
  #last = 0
  #usable = true

  constructor({ memoryLimit, idleMs = IDLE_MS }: { memoryLimit: string; idleMs?: number }) {
    const tempFolder = mkdtempSync(join(tmpdir(), 'tidemill-duckdb-'))
    const options: DuckDbOptions = { memoryLimit, tempFolder }
    this.#idleMs = idleMs
    this.#child = fork(SCRIPT, [JSON.stringify(options)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...inheritedNodeEnvironment(), UV_THREADPOOL_SIZE: String(QUERIES_AT_ONCE) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    this.#child.on('message', (message) => this.#onAnswer(message as Answered))
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#onEnd(how)
        void rm(tempFolder, { recursive: true, force: true }).finally(resolve)
      }
      this.#child.once('error', (error) => end(error.message))
      this.#child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
  }

  /** False when it has ended, or is about to. */
  get usable(): boolean {
    return this.#usable
  }

  async open(threads: number | undefined): Promise<AnalyticsSession> {
    const session = ++this.#last
    this.#sessions.set(session, undefined)
    clearTimeout(this.#idle)
    const ask = <Value>(work: Work): Promise<Value> => this.#ask(session, work) as Promise<Value>
    try {
      await ask({ do: 'open', threads })
    } catch (error) {
      this.#close(session)
      throw error
    }
    return {
      query: (sql, parameters = []) => ask<AnalyticsRow[]>({ do: 'query', sql, parameters }),
      columns: (sql, parameters = []) => ask<Record<string, unknown[]>>({ do: 'columns', sql, parameters }),
      execute: (sql, parameters = []) => ask<void>({ do: 'execute', sql, parameters }),
      append: (table, types, columns) => ask<void>({ do: 'append', table, types, columns }),
      async *chunks(sql) {
        await ask({ do: 'startChunks', sql })
        try {
          for (;;) {
            const chunk = await ask<Record<string, unknown[]> | undefined>({ do: 'nextChunk' })
            if (chunk === undefined) return
            yield chunk
          }
        } finally {
          await ask({ do: 'endChunks' })
        }
      },
      interrupt: () => this.#interrupt(session),
      [Symbol.asyncDispose]: async () => {
        if (this.#usable) await ask({ do: 'close' })
        this.#close(session)
      },
    }
  }

  async #ask(session: number, work: Work): Promise<unknown> {
    if (!this.#usable) throw ended('before')
    const id = ++this.#last
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    this.#send({ id, session, work })
    try {
      return await answer.promise
    } finally {
      this.#waiting.delete(id)
      if (this.#sessions.has(session)) this.#sessions.set(session, undefined)
    }
  }

  #interrupt(session: number): void {
    const since = this.#sessions.get(session) ?? performance.now()
    this.#sessions.set(session, since)
    if (performance.now() - since < GRACE_MS) this.#send({ interrupt: session })
    else this.#kill()
  }

  #close(session: number): void {
    this.#sessions.delete(session)
    if (this.#sessions.size > 0 || !this.#usable) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#kill(), this.#idleMs)
    this.#idle.unref()
  }

  #send(message: Asked | Interrupt): void {
    // What can't be sent fails with the end of the process.
    if (this.#child.connected) this.#child.send(message, () => undefined)
  }

  #onAnswer(message: Answered): void {
    const answer = this.#waiting.get(message.id)
    if ('value' in message) answer?.resolve(message.value)
    else if ('refused' in message) {
      const { code, message: text, details } = message.refused
      answer?.reject(new AppError(code, text, { details }))
    }
  }

  #onEnd(how: string): void {
    this.#usable = false
    clearTimeout(this.#idle)
    for (const answer of this.#waiting.values()) answer.reject(ended(how))
  }

  #kill(): void {
    this.#usable = false
    clearTimeout(this.#idle)
    this.#child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill()
    await this.#ended
  }
}

function ended(how: string): AppError {
  return new AppError(
    'unavailable',
    `The process that reads data has ended (${how}): nothing was changed by what it did, ask again`,
  )
}
