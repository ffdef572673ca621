import type { Context } from '../http/context.ts'
import { consume, lastEventSeq, type Consumer } from './events.ts'
import { listCursors } from './store.ts'

const IDLE_POLL_MS = 500

/** Lets the consumers follow the events, each in its own order, as soon as something was committed. */
export class EventDispatcher implements AsyncDisposable {
  readonly #context: Context
  readonly #consumers: readonly Consumer[]
  readonly #active = new Map<string, Promise<void>>()
  readonly #again = new Set<string>()
  #subscription: Disposable | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #lookAgain = false
  #stopped = false

  constructor(context: Context, consumers: readonly Consumer[]) {
    this.#context = context
    this.#consumers = consumers
  }

  start(): void {
    this.#subscription = this.#context.db.onChange(() => this.wake())
    this.#timer = setInterval(() => this.wake(), IDLE_POLL_MS)
    this.wake()
  }

  wake(): void {
    if (this.#stopped) return
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  /** Wakes the consumers that are behind: two small queries when none is, as after most commits. */
  async #look(): Promise<void> {
    const { db, log } = this.#context
    while (this.#lookAgain && !this.#stopped) {
      this.#lookAgain = false
      try {
        const last = await lastEventSeq(db.read)
        const cursors = await listCursors(db.read)
        for (const consumer of this.#consumers)
          if ((cursors.get(consumer.name) ?? 0) < last) this.#follow(consumer)
      } catch (error) {
        if (!this.#stopped) log.error({ err: error }, 'looking for events failed')
      }
    }
  }

  #follow(consumer: Consumer): void {
    if (this.#active.has(consumer.name)) {
      this.#again.add(consumer.name)
      return
    }
    const work = this.#drain(consumer)
      .catch((error: unknown) => {
        if (!this.#stopped)
          this.#context.log.error({ err: error, consumer: consumer.name }, 'consumer failed')
      })
      .finally(() => {
        this.#active.delete(consumer.name)
        if (this.#again.delete(consumer.name) && !this.#stopped) this.#follow(consumer)
      })
    this.#active.set(consumer.name, work)
  }

  async #drain(consumer: Consumer): Promise<void> {
    while (!this.#stopped && (await consume(this.#context, consumer)) > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#subscription?.[Symbol.dispose]()
    clearInterval(this.#timer)
    await this.#looking
    await Promise.allSettled(this.#active.values())
  }
}
