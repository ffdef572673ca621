import type { Context } from '../http/context.ts'
import { logStepMetrics, type StepMetric } from './run-tracking.ts'

const FLUSH_MS = 300

/** Metrics of a step, written to its tracking run a few times a second. */
export class MetricBuffer {
  readonly #context: Context
  readonly #run: { projectId: string; runId: string }
  #waiting: StepMetric[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(context: Context, run: { projectId: string; runId: string }) {
    this.#context = context
    this.#run = run
  }

  add({ key, value, step, timestampMs }: StepMetric): void {
    this.#waiting.push({ key, value, step, timestampMs })
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS)
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const metrics = this.#waiting.splice(0)
    this.#writing = this.#writing
      .then(() => logStepMetrics(this.#context, { ...this.#run, metrics }))
      .catch((error: unknown) => this.#context.log.warn({ err: error }, 'metrics of a step were lost'))
    await this.#writing
  }
}
