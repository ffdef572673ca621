import type { Context } from '../http/context.ts'
import { monotonicMs } from '../kernel/clock.ts'
import type { EventKind } from '../kernel/events.ts'
import { consume, EVENTS_AT_ONCE, moveCursors, type Consumer } from './events.ts'
import {
  isBefore,
  lastEventPosition,
  listCursors,
  listEventsAfter,
  positionOf,
  START,
  type EventPosition,
} from './store.ts'

const IDLE_POLL_MS = 500
/** A cursor follows events that its consumer does not want after so long, or so many of them. */
const STORE_EVERY_MS = 5_000
const STORE_EVERY_EVENTS = 1_000

/**
 * Lets the consumers follow the events, each in its own order, as soon as something was committed. New events are read once for all
 * consumers; one whose kinds are not among them costs no query, and no write at once.
 */
export class EventDispatcher implements AsyncDisposable {
  readonly #context: Context
  readonly #consumers: readonly Consumer[]
  readonly #active = new Map<string, Promise<void>>()
  /** Up to where each consumer has nothing to do, by its name; its stored cursor may be behind. */
  readonly #positions = new Map<string, EventPosition>()
  #stored = new Map<string, EventPosition>()
  #storedMs = monotonicMs()
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
    this.#looking ??= this.#look()
  }

  async #look(): Promise<void> {
    const { log } = this.#context
    while (this.#lookAgain && !this.#stopped) {
      this.#lookAgain = false
      try {
        await this.#lookOnce()
        await this.#storeCursors()
      } catch (error) {
        if (!this.#stopped) log.error({ err: error }, 'looking for events failed')
      }
    }
    this.#looking = undefined
  }

  /** Wakes the consumers that want one of the next events: one small query when there is none, as after most commits. */
  async #lookOnce(): Promise<void> {
    const { db } = this.#context
    const last = await lastEventPosition(db.read, db.dialect)
    const resting = this.#consumers.filter(({ name }) => !this.#active.has(name))
    if (!resting.some(({ name }) => isBefore(this.#positions.get(name) ?? START, last))) return
    this.#stored = await listCursors(db.read)
    for (const { name } of resting) this.#advance(name, this.#stored.get(name) ?? START)
    const places = resting.map(({ name }) => this.#positions.get(name)!)
    const after = places.reduce((least, place) => (isBefore(place, least) ? place : least))
    const waiting = await listEventsAfter(db.read, db.dialect, { after, limit: EVENTS_AT_ONCE })
    const end = waiting.at(-1)
    if (end === undefined) return
    for (const consumer of resting) {
      const position = this.#positions.get(consumer.name)!
      const isWanted = waiting.some(
        (row) => isBefore(position, positionOf(row)) && consumer.kinds.includes(row.kind as EventKind),
      )
      if (isWanted) this.#follow(consumer)
      else this.#advance(consumer.name, positionOf(end))
    }
    if (waiting.length === EVENTS_AT_ONCE) this.#lookAgain = true
  }

  #advance(name: string, position: EventPosition): void {
    const now = this.#positions.get(name)
    if (now === undefined || isBefore(now, position)) this.#positions.set(name, position)
  }

  #follow(consumer: Consumer): void {
    this.#active.set(consumer.name, this.#drainOnce(consumer))
  }

  async #drainOnce(consumer: Consumer): Promise<void> {
    try {
      await this.#drain(consumer)
      this.#active.delete(consumer.name)
      this.wake()
    } catch (error) {
      // It is tried again at the next poll.
      this.#active.delete(consumer.name)
      if (!this.#stopped) this.#context.log.error({ err: error, consumer: consumer.name }, 'consumer failed')
    }
  }

  async #drain(consumer: Consumer): Promise<void> {
    const position = this.#positions.get(consumer.name)
    while (!this.#stopped && (await consume(this.#context, consumer, position)) > 0);
  }

  /** Losing a cursor that is behind costs nothing but reading those events again. */
  async #storeCursors({ now = false }: { now?: boolean } = {}): Promise<void> {
    const ahead = [...this.#positions].filter(([name, position]) => isBefore(this.#storedOf(name), position))
    const isDue =
      now ||
      monotonicMs() - this.#storedMs > STORE_EVERY_MS ||
      ahead.some(([name, { seq }]) => seq - this.#storedOf(name).seq > STORE_EVERY_EVENTS)
    if (ahead.length === 0 || !isDue) return
    await moveCursors(this.#context.db, ahead)
    for (const [name, position] of ahead) this.#stored.set(name, position)
    this.#storedMs = monotonicMs()
  }

  #storedOf(name: string): EventPosition {
    return this.#stored.get(name) ?? START
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#subscription?.[Symbol.dispose]()
    clearInterval(this.#timer)
    await this.#looking
    await Promise.allSettled(this.#active.values())
    await this.#storeCursors({ now: true }).catch(() => {})
  }
}
