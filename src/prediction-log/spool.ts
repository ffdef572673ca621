import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { appendEvent } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { Context } from '../http/context.ts'
import { messageOf } from '../kernel/errors.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { recoverSegment, type SegmentHeader } from './segment.ts'
import { summarize } from './segment-content.ts'
import { insertSegment } from './store.ts'

/** A segment that nothing more is written to. */
export interface ClosedSegment {
  header: SegmentHeader
  path: string
  rows: number
  fromMs: number
  toMs: number
  deployments: readonly string[]
}

const RETRY_MS = [100, 500, 1000, 5000] as const

/** A gateway's folder of segments, and the background work that hands closed ones over to the database. */
export class Spool implements AsyncDisposable {
  readonly folder: string
  readonly gatewayId: string
  readonly #context: Pick<Context, 'db' | 'artifacts' | 'clock' | 'log'>
  readonly #waiting: ClosedSegment[] = []
  #working: Promise<void> | undefined
  #stopped = false
  #wake: (() => void) | undefined

  constructor(context: Pick<Context, 'config' | 'db' | 'artifacts' | 'clock' | 'log'>) {
    const { dataDir, gatewayId } = context.config
    this.gatewayId = gatewayId
    this.folder = join(dataDir, 'gateway', gatewayId, 'spool')
    this.#context = context
    mkdirSync(this.folder, { recursive: true })
  }

  get pending(): number {
    return this.#waiting.length
  }

  pathOf(segmentId: string): string {
    return join(this.folder, `${segmentId}.seg`)
  }

  /** Takes over what an earlier process of this gateway left behind; call it before anything is written. */
  recover(): { segments: number; rows: number } {
    let rows = 0
    const names = readdirSync(this.folder).filter((name) => name.endsWith('.seg'))
    for (const name of names.sort()) {
      const segment = recoverFile(join(this.folder, name), this.#context.log)
      if (segment === undefined) continue
      rows += segment.rows
      this.add(segment)
    }
    return { segments: names.length, rows }
  }

  add(segment: ClosedSegment): void {
    this.#waiting.push(segment)
    this.#working ??= this.#work()
  }

  /** Resolves when every segment added so far is registered, or when the spool is disposed. */
  async drained(): Promise<void> {
    while (this.#working !== undefined && !this.#stopped) await this.#working
  }

  async #work(): Promise<void> {
    for (let failures = 0; !this.#stopped && this.#waiting.length > 0;) {
      const segment = this.#waiting[0]!
      try {
        await registerSegment(this.#context, segment)
        this.#waiting.shift()
        failures = 0
      } catch (error) {
        this.#context.log.warn({ err: error, segment: segment.path }, 'A segment is not registered yet')
        await this.#pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!)
      }
    }
    this.#working = undefined
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  /** Stops; what is not registered stays on disk for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#wake?.()
    await this.#working
  }
}

function recoverFile(path: string, log: Logger): ClosedSegment | undefined {
  try {
    const found = recoverSegment(path)
    if (found !== undefined) {
      const summary = summarize(found.frames)
      if (summary.rows > 0) return { header: found.header, path, ...summary }
    }
    rmSync(path, { force: true })
  } catch (error) {
    log.error({ err: error, path }, `A segment can't be recovered and stays where it is: ${messageOf(error)}`)
  }
  return undefined
}

/** Makes a closed segment known: blob, row, event and roll job in one transaction; then its file is removed. Idempotent. */
export async function registerSegment(
  { db, artifacts, clock }: Pick<Context, 'db' | 'artifacts' | 'clock'>,
  { header, path, rows, fromMs, toMs, deployments }: ClosedSegment,
): Promise<void> {
  const { segmentId, projectId, gatewayId, kind } = header
  const blob = await artifacts.putFile(path)
  const nowMs = clock.now()
  await db.write(async (trx) => {
    const fresh = await insertSegment(trx, {
      segment_id: segmentId,
      project_id: projectId,
      gateway_id: gatewayId,
      kind,
      sha256: blob.sha256,
      size_bytes: blob.sizeBytes,
      rows,
      from_ms: Math.floor(fromMs),
      to_ms: Math.floor(toMs),
      deployments_json: JSON.stringify(deployments),
      state: 'closed',
      parquet_sha256: null,
      created_ms: nowMs,
      rolled_ms: null,
    })
    if (!fresh) return
    await recordBlob(trx, { projectId, blob, nowMs })
    await appendEvent(trx, { projectId, kind: 'segment.closed', payload: { segmentId }, atMs: nowMs })
    await enqueue(trx, {
      projectId,
      kind: 'serving.roll',
      payload: { segmentId },
      uniqueKey: `serving.roll:${segmentId}`,
      maxAttempts: 10,
      priority: 5,
    })
  })
  rmSync(path, { force: true })
}
