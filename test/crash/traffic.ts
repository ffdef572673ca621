import { randomInteger, type Random } from '../../src/statistics/random.ts'
import { sleep } from './checks.ts'
import type { Flight } from './flights.ts'

const TIMEOUT_MS = 30_000
const FEEDBACK_TRIES = 400
const LABELLED = 0.85

interface Acknowledged {
  requestId: string
  flight: Flight
  variant: string
  version: string
  atMs: number
}

interface FeedbackItem {
  prediction_id: string
  label: number
  label_time_ms: number
  revision: number
  source: string
}

/**
 * Concurrent clients that ask about flights and send their labels, and keep what was acknowledged. A question that was not
 * answered is given up; a label is sent again until it is taken. Some labels are sent twice, and some are corrected.
 */
export class Traffic {
  /** By prediction id. */
  readonly acknowledged = new Map<string, Acknowledged>()
  /** Ids of acknowledged feedback. */
  readonly feedback = new Set<string>()
  unanswered = 0
  readonly #gatewayUrl: string
  readonly #flights: readonly Flight[]
  readonly #random: Random
  #asked = 0
  #running: Promise<void>[] = []
  #stopping = false

  constructor(gatewayUrl: string, flights: readonly Flight[], random: Random) {
    this.#gatewayUrl = gatewayUrl
    this.#flights = flights
    this.#random = random
  }

  start({ clients, pauseMs }: { clients: number; pauseMs: number }): void {
    this.#stopping = false
    this.#running = Array.from({ length: clients }, () => this.#client(pauseMs))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
  }

  /** Answers that came in a span of monotonic time. */
  answersWithin(fromMs: number, toMs: number): number {
    return [...this.acknowledged.values()].filter(({ atMs }) => atMs > fromMs && atMs < toMs).length
  }

  async #client(pauseMs: number): Promise<void> {
    while (!this.#stopping) {
      const flight = this.#flights[this.#asked++ % this.#flights.length]!
      const predictionId = await this.#ask(flight, `question-${this.#asked}`)
      if (predictionId === undefined) {
        this.unanswered++
        await sleep(25)
        continue
      }
      if (this.#random.next() < LABELLED) await this.#tellOutcome(predictionId, flight)
      await sleep(pauseMs)
    }
  }

  async #ask(flight: Flight, requestId: string): Promise<string | undefined> {
    const answer = await this.#post<{ model_version: string; parameters: Record<string, unknown> }>(
      '/v2/models/late/infer',
      {
        id: requestId,
        inputs: [
          { name: 'date', shape: [1, 1], datatype: 'INT64', data: [flight.dateMs] },
          { name: 'distance', shape: [1, 1], datatype: 'FP64', data: [flight.distance] },
          { name: 'origin', shape: [1, 1], datatype: 'BYTES', data: [flight.origin] },
        ],
      },
      { 'x-request-id': requestId, 'tidemill-event-time': String(flight.dateMs) },
    )
    if (answer === undefined || answer.parameters['logged'] === false) return undefined
    const predictionId = String(answer.parameters['prediction_id'])
    const variant = String(answer.parameters['variant'])
    this.acknowledged.set(predictionId, {
      requestId,
      flight,
      variant,
      version: answer.model_version,
      atMs: performance.now(),
    })
    return predictionId
  }

  async #tellOutcome(predictionId: string, { late, landedMs }: Flight): Promise<void> {
    const item = {
      prediction_id: predictionId,
      label: late,
      label_time_ms: landedMs,
      revision: 0,
      source: 'landing',
    }
    await this.#sendFeedback(item)
    const chance = randomInteger(this.#random, 10)
    if (chance === 0) await this.#sendFeedback(item)
    if (chance === 1) await this.#sendFeedback({ ...item, label: 1 - late, revision: 1 })
  }

  async #sendFeedback(item: FeedbackItem): Promise<void> {
    for (let attempt = 0; attempt < FEEDBACK_TRIES; attempt++) {
      const taken = await this.#post<{ feedback_ids: string[] }>('/feedback', item, {})
      if (taken !== undefined) {
        for (const id of taken.feedback_ids) this.feedback.add(id)
        return
      }
      await sleep(25)
    }
  }

  /** The answer when it is a 200; undefined when the gateway is away or says no. */
  async #post<Answer>(
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer | undefined> {
    try {
      const response = await fetch(`${this.#gatewayUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const text = await response.text()
      return response.status === 200 ? (JSON.parse(text) as Answer) : undefined
    } catch {
      return undefined
    }
  }
}
