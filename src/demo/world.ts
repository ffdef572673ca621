import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { Decision } from '../governance/schema.ts'
import { sleep, type Label, type Question, type ReplayDriver } from './driver.ts'
import { isLate, type Flight, type FlightsFeed } from './flights-feed.ts'

const TICK_MS = 300

export const DEPLOYMENT = 'late'

/** What the world does in a stretch of time. */
export interface Stretch {
  fromMs: number
  toMs: number
  /** Every n-th flight is asked about. */
  every: number
  /** How often landed flights arrive as a file. */
  filesEveryHours: number
  /** Injected: airports of whose flights nothing arrives. */
  frozen?: readonly string[]
  /** Gives the rollout controller time to look after each day. */
  rollout?: boolean
  /** Called after each hour that has been settled; true ends the stretch early. */
  until?: () => Promise<boolean>
  /** Called in the middle of an hour's requests, which go on meanwhile. */
  during?: (hourMs: number) => Promise<void>
}

/**
 * The outside world of the demo: flights depart and are asked about, land and get their label, and files of landed
 * flights arrive. Requests go to the gateway in the order of their event time.
 */
export class World {
  readonly driver: ReplayDriver
  readonly feed: FlightsFeed
  /** Every prediction that was acknowledged, to be found again at the end. */
  readonly acknowledged = new Map<
    string,
    { flight: Flight; variant: string; version: string; score: number }
  >()
  /** Every prediction whose label was acknowledged. */
  readonly labelled = new Set<string>()
  #deliveredMs: number
  readonly #unlabelled: { predictionId: string; flight: Flight }[] = []

  /** What landed by `deliveredMs` has arrived already. */
  constructor(driver: ReplayDriver, feed: FlightsFeed, deliveredMs: number) {
    this.driver = driver
    this.feed = feed
    this.#deliveredMs = deliveredMs
  }

  /** Plays until `toMs`, or until the stretch says that it is enough. Returns the time reached. */
  async play(stretch: Stretch): Promise<number> {
    for (let hourMs = stretch.fromMs; hourMs < stretch.toMs; hourMs += HOUR_MS) {
      await this.#hour(stretch, hourMs)
      const nextMs = hourMs + HOUR_MS
      const dayEnds = nextMs % DAY_MS === 0
      if (dayEnds) await this.#endOfDay(nextMs, stretch.rollout === true)
      if (stretch.until && (await stretch.until())) return nextMs
    }
    return stretch.toMs
  }

  async #hour(stretch: Stretch, hourMs: number): Promise<void> {
    const { filesEveryHours, frozen = [] } = stretch
    await this.driver.advance(hourMs)
    if (hourMs - this.#deliveredMs >= filesEveryHours * HOUR_MS) {
      await this.feed.deliver({ fromMs: this.#deliveredMs, toMs: hourMs, without: frozen })
      this.#deliveredMs = hourMs
      await this.ingest()
    }
    const flights = await this.feed.departures({
      fromMs: hourMs,
      toMs: hourMs + HOUR_MS,
      every: stretch.every,
    })
    const half = Math.ceil(flights.length / 2)
    await this.#ask(flights.slice(0, half))
    await Promise.all([this.#ask(flights.slice(half)), stretch.during?.(hourMs)])
    await this.#labelLanded(hourMs + HOUR_MS)
  }

  /** What happened in the day is in the log before the day is over, as it would be without a replay. */
  async #endOfDay(nowMs: number, rollout: boolean): Promise<void> {
    await this.driver.settle()
    await this.driver.advance(nowMs)
    await this.driver.settle()
    if (!rollout) return
    await sleep(TICK_MS)
    await this.driver.settle()
  }

  /** Looks for new files and waits until they are a version and their features are online. */
  async ingest(): Promise<void> {
    await this.driver.api.post(`/datasets/flights/ingest`)
    await this.driver.settle()
  }

  async #ask(flights: readonly Flight[]): Promise<void> {
    const byRequest = new Map(flights.map((flight) => [`flight-${flight.id}`, flight]))
    const questions: Question[] = flights.map((flight) => ({
      requestId: `flight-${flight.id}`,
      timeMs: flight.dateMs,
      inputs: {
        date: { datatype: 'INT64', value: flight.dateMs },
        distance: { datatype: 'FP64', value: flight.distance },
        origin: { datatype: 'BYTES', value: flight.origin },
      },
    }))
    for (const answer of await this.driver.ask(DEPLOYMENT, questions)) {
      const flight = byRequest.get(answer.requestId)!
      const { predictionId, variant, version, score } = answer
      this.acknowledged.set(predictionId, { flight, variant, version, score })
      this.#unlabelled.push({ predictionId, flight })
    }
  }

  async #labelLanded(nowMs: number): Promise<void> {
    const landed: Label[] = []
    let kept = 0
    for (const waiting of this.#unlabelled) {
      const { flight, predictionId } = waiting
      if (flight.landedMs < nowMs) {
        landed.push({ predictionId, label: isLate(flight) ? 1 : 0, timeMs: flight.landedMs })
      } else {
        this.#unlabelled[kept++] = waiting
      }
    }
    this.#unlabelled.length = kept
    await this.driver.label(landed)
    for (const { predictionId } of landed) this.labelled.add(predictionId)
  }

  /** Labels everything that is still in the air, at the end of the story. */
  async labelAll(nowMs: number): Promise<void> {
    await this.#labelLanded(nowMs)
    await this.driver.settle()
  }

  /** What was decided so far, newest first. */
  async allDecisions(): Promise<Decision[]> {
    return (await this.driver.api.get<{ items: Decision[] }>('/decisions?limit=500')).items
  }
}
