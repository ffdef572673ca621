import type { Context } from '../http/context.ts'
import { roomTicks } from './rooms.ts'

/** Something the server does again and again: idempotent, and safe when two servers do it at once. */
export interface Tick {
  name: string
  everyMs: number
  run: (context: Context) => Promise<void>
}

export class Ticker implements AsyncDisposable {
  readonly #context: Context
  readonly #timers: NodeJS.Timeout[] = []
  readonly #running = new Map<string, Promise<void>>()
  #stopped = false

  constructor(context: Context) {
    this.#context = context
  }

  start(): void {
    for (const tick of roomTicks) this.#timers.push(setInterval(() => this.#run(tick), tick.everyMs))
  }

  #run(tick: Tick): void {
    if (this.#stopped || this.#running.has(tick.name)) return
    const work = tick
      .run(this.#context)
      .catch((error: unknown) => {
        if (!this.#stopped) this.#context.log.error({ err: error, tick: tick.name }, 'tick failed')
      })
      .finally(() => this.#running.delete(tick.name))
    this.#running.set(tick.name, work)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.allSettled(this.#running.values())
  }
}
