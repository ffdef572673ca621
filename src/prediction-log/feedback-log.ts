import { rmSync } from 'node:fs'
import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import type { Ids } from '../kernel/ids.ts'
import { hashJson } from '../kernel/json.ts'
import { createSegment, DEFAULT_ROLL, type RollLimits } from './open-segments.ts'
import type { Feedback } from './schema.ts'
import { FRAME, FrameGroup, type SegmentFile } from './segment.ts'
import type { Spool } from './spool.ts'

/** Feedback as it lies in the log. */
export interface StoredFeedback {
  feedback_id: string
  prediction_id: string | null
  request_id: string | null
  row_index: number | null
  /** A JSON value: numbers stay numbers, booleans become 1 and 0; null withdraws. */
  label: number | string | null
  has_label: boolean
  reward: number | null
  label_time_ms: number
  received_ms: number
  revision: number
  source: string
}

interface Waiting {
  projectId: string
  items: StoredFeedback[]
  resolve: () => void
  reject: (error: unknown) => void
}

interface OpenSegment {
  file: SegmentFile
  rows: number
  fromMs: number
  toMs: number
  openedMs: number
}

/**
 * The log of feedback on this gateway's disk. Everything that arrives while one sync is under way shares the next one;
 * `append` resolves when its items would survive power loss.
 */
export class FeedbackLog implements AsyncDisposable {
  readonly #spool: Spool
  readonly #ids: Ids
  readonly #limits: RollLimits
  readonly #open = new Map<string, OpenSegment>()
  #waiting: Waiting[] = []
  #committing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(spool: Spool, ids: Ids, limits: RollLimits = DEFAULT_ROLL) {
    this.#spool = spool
    this.#ids = ids
    this.#limits = limits
  }

  /** Throws `unavailable` when the disk refuses: nothing of the call is acknowledged then. */
  append(projectId: string, items: StoredFeedback[]): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push({ projectId, items, resolve, reject })
      this.#committing ??= this.#commitAll()
    })
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      // One turn of the loop, so that requests that arrived together share a sync.
      await new Promise((resolve) => setImmediate(resolve))
      const batch = this.#waiting
      this.#waiting = []
      for (const [projectId, calls] of Map.groupBy(batch, (call) => call.projectId)) {
        try {
          await this.#commit(projectId, calls)
          for (const call of calls) call.resolve()
        } catch (cause) {
          this.#close(projectId)
          const error = new AppError('unavailable', 'The feedback could not be stored; send it again', {
            cause,
          })
          for (const call of calls) call.reject(error)
        }
      }
    }
    this.#committing = undefined
  }

  async #commit(projectId: string, calls: readonly Waiting[]): Promise<void> {
    const segment = this.#segmentOf(projectId)
    const group = new FrameGroup()
    for (const item of calls.flatMap((call) => call.items)) {
      group.frame(FRAME.feedback, Buffer.from(JSON.stringify(item)))
      segment.rows += 1
      segment.fromMs = Math.min(segment.fromMs, item.received_ms)
      segment.toMs = Math.max(segment.toMs, item.received_ms)
    }
    segment.file.write(group.bytes)
    await segment.file.sync()
    if (segment.file.sizeBytes >= this.#limits.maxBytes) this.#close(projectId)
  }

  #segmentOf(projectId: string): OpenSegment {
    const open = this.#open.get(projectId)
    if (open !== undefined) return open
    const segmentId = this.#ids.uuid()
    const { gatewayId } = this.#spool
    const header = { format: 1, segmentId, gatewayId, projectId, kind: 'feedback' } as const
    const file = createSegment(this.#spool.pathOf(segmentId), header)
    const segment = { file, rows: 0, fromMs: Infinity, toMs: -Infinity, openedMs: performance.now() }
    this.#open.set(projectId, segment)
    this.#timer ??= setTimeout(() => void this.closeAll(), this.#limits.maxAgeMs).unref()
    return segment
  }

  #close(projectId: string): void {
    const segment = this.#open.get(projectId)
    if (segment === undefined) return
    this.#open.delete(projectId)
    const { file, rows, fromMs, toMs } = segment
    file[Symbol.dispose]()
    if (rows === 0) rmSync(file.path, { force: true })
    else this.#spool.add({ header: file.header, path: file.path, rows, fromMs, toMs, deployments: [] })
  }

  /** Closes the open segments once the commit under way has ended. */
  async closeAll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#committing
    for (const projectId of this.#open.keys()) this.#close(projectId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeAll()
  }
}

/** Gives feedback its defaults. Without an id, the same content has the same id: sending it again changes nothing. */
export function toStoredFeedback({ clock }: { clock: Clock }, item: Feedback): StoredFeedback {
  const receivedMs = clock.now()
  const label =
    item.label === undefined ? null : typeof item.label === 'boolean' ? Number(item.label) : item.label
  const { prediction_id = null, request_id = null, revision = 0, source = '', reward = null } = item
  const row_index = request_id === null ? null : (item.row_index ?? 0)
  const content = {
    prediction_id,
    request_id,
    row_index,
    label,
    reward,
    revision,
    source,
    at: item.label_time_ms ?? null,
  }
  return {
    feedback_id: item.feedback_id ?? hashJson(content).slice(0, 32),
    prediction_id,
    request_id,
    row_index,
    label,
    has_label: item.label !== undefined,
    reward,
    label_time_ms: item.label_time_ms ?? receivedMs,
    received_ms: receivedMs,
    revision,
    source,
  }
}
