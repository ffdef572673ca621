import { AppError } from '../kernel/errors.ts'
import { ApiClient } from '../http/api-client.ts'

const SETTLE_TIMEOUT_MS = 600_000
const CONCURRENCY = 32
const POLL_MS = 10
/** How long a process may be away. */
const PATIENCE_MS = 60_000

interface ReplayState {
  nowMs: number
  pending: { jobs: number; events: number; gateways: number }
}

export interface Question {
  requestId: string
  timeMs: number
  inputs: Record<string, { datatype: 'INT64' | 'FP64' | 'BYTES'; value: number | string }>
}

export interface Answer {
  requestId: string
  predictionId: string
  variant: string
  version: string
  score: number
}

export interface Label {
  predictionId: string
  label: number
  timeMs: number
}

/** Plays the outside world: steps domain time, asks the gateway, sends labels, and waits until all is settled. */
export class ReplayDriver {
  readonly api: ApiClient
  readonly #gatewayUrl: string
  readonly #labelSource: string
  nowMs = 0
  readonly counts = { asked: 0, answered: 0, failed: 0, retried: 0, labelled: 0 }

  /** `labelSource` is what the labels say of where they come from. */
  constructor(serverUrl: string, gatewayUrl: string, labelSource: string) {
    this.api = new ApiClient(serverUrl)
    this.#gatewayUrl = gatewayUrl
    this.#labelSource = labelSource
  }

  async advance(nowMs: number): Promise<void> {
    await this.#patiently(() => this.api.post('/replay', { nowMs }))
    this.nowMs = nowMs
  }

  /** The barrier of a replay: what the gateway holds is in the log, and no job and no event is pending. */
  async settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS
    await this.#patiently(() => this.#control('/control/flush'))
    for (let ticked = false; ;) {
      const { pending } = await this.#patiently(() => this.api.get<ReplayState>('/replay'))
      if (pending.jobs + pending.events + pending.gateways > 0) {
        ticked = false
        await sleep(POLL_MS)
      } else if (ticked) {
        return
      } else {
        // The same time again: what becomes due by it is done now.
        await this.advance(this.nowMs)
        ticked = true
      }
      if (performance.now() > deadline) {
        throw new AppError('unavailable', `This stays pending: ${JSON.stringify(pending)}`)
      }
    }
  }

  /** Asks in order, many at a time; every acknowledged answer is returned. */
  async ask(deployment: string, questions: readonly Question[]): Promise<Answer[]> {
    const answers: Answer[] = []
    await inParallel(questions, async (question) => {
      this.counts.asked += 1
      const answer = await this.#patiently(() => this.#infer(deployment, question))
      answers.push(answer)
      this.counts.answered += 1
    })
    return answers
  }

  async #infer(deployment: string, { requestId, timeMs, inputs }: Question): Promise<Answer> {
    const response = await fetch(`${this.#gatewayUrl}/v2/models/${deployment}/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-request-id': requestId,
        'tidemill-event-time': String(timeMs),
      },
      body: JSON.stringify({
        id: requestId,
        inputs: Object.entries(inputs).map(([name, { datatype, value }]) => ({
          name,
          shape: [1, 1],
          datatype,
          data: [value],
        })),
      }),
    })
    const body = (await response.json()) as InferResponse
    if (!response.ok) {
      this.counts.failed += 1
      throw new AppError(
        response.status >= 500 ? 'unavailable' : 'invalid',
        body.error ?? String(response.status),
      )
    }
    const { parameters = {} } = body
    return {
      requestId,
      predictionId: String(parameters['prediction_id']),
      variant: String(parameters['variant']),
      version: body.model_version ?? '',
      score: scoreOf(body),
    }
  }

  async label(labels: readonly Label[]): Promise<void> {
    for (let start = 0; start < labels.length; start += 500) {
      const batch = labels.slice(start, start + 500).map(({ predictionId, label, timeMs }) => ({
        prediction_id: predictionId,
        label,
        label_time_ms: timeMs,
        source: this.#labelSource,
      }))
      await this.#patiently(() => this.#post('/feedback', batch))
      this.counts.labelled += batch.length
    }
  }

  async #control(path: string): Promise<unknown> {
    return await this.#post(path, {})
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    const response = await fetch(`${this.#gatewayUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'tidemill-event-time': String(this.nowMs) },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (response.ok) return text === '' ? {} : JSON.parse(text)
    throw new AppError(response.status >= 500 ? 'unavailable' : 'invalid', `${path}: ${text.slice(0, 300)}`)
  }

  /** A process may be away for a moment, as when it was killed: what was not acknowledged is sent again. */
  async #patiently<Result>(call: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await call()
      } catch (error) {
        const refused = error instanceof AppError && error.code !== 'unavailable'
        if (refused || performance.now() > deadline) throw error
        this.counts.retried += 1
        await sleep(50)
      }
    }
  }
}

interface InferResponse {
  error?: string
  model_version?: string
  parameters?: Record<string, unknown>
  outputs?: { name: string; shape: number[]; data: number[] }[]
}

/** The probability of the positive class. */
function scoreOf({ outputs = [] }: InferResponse): number {
  const probabilities = outputs.find((output) => output.name === 'probabilities')
  return probabilities?.data[1] ?? Number.NaN
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values()
  const run = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, run))
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
