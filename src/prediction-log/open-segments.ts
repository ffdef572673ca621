import { rmSync } from 'node:fs'
import type { Ids } from '../kernel/ids.ts'
import { monotonicMs } from '../kernel/clock.ts'
import type { RouteHeader } from './prediction-rows.ts'
import { FRAME, FrameGroup, SegmentFile } from './segment.ts'
import type { ClosedSegment, Spool } from './spool.ts'

export interface RollLimits {
  /** A segment is closed when it is larger than this … */
  maxBytes: number
  /** … or this long after its first row. */
  maxAgeMs: number
}

export const DEFAULT_ROLL: RollLimits = { maxBytes: 1 << 20, maxAgeMs: 1000 }
const RETRY_AFTER_FAILURE_MS = 100

interface OpenSegment {
  file: SegmentFile
  routes: Map<RouteHeader, number>
  rows: number
  fromMs: number
  toMs: number
  timer: NodeJS.Timeout
}

/**
 * The log of predictions on this gateway's disk: one open segment for each project. `append` is one system call, so a
 * micro-batch is either in the log whole or, when the disk refuses, counted as lost.
 */
export class PredictionLog implements Disposable {
  readonly #spool: Pick<Spool, 'pathOf' | 'gatewayId' | 'add'>
  readonly #ids: Ids
  readonly #limits: RollLimits
  readonly #open = new Map<string, OpenSegment>()
  readonly #group = new FrameGroup()
  #refusedUntilMs = 0
  /** Rows that were answered but could not be written. */
  lostRows = 0
  lastError: unknown

  constructor(
    spool: Pick<Spool, 'pathOf' | 'gatewayId' | 'add'>,
    ids: Ids,
    limits: RollLimits = DEFAULT_ROLL,
  ) {
    this.#spool = spool
    this.#ids = ids
    this.#limits = limits
  }

  /**
   * Appends one micro-batch of a project. `write` is given the frames to fill, and a number for each route. Returns false,
   * and counts the rows as lost, when the disk refused.
   */
  append(
    projectId: string,
    batch: { rows: number; fromMs: number; toMs: number },
    write: (group: FrameGroup, routeOf: (header: RouteHeader) => number) => void,
  ): boolean {
    try {
      const segment = this.#segmentOf(projectId)
      const group = this.#group
      group.clear()
      write(group, (header) => segment.routes.get(header) ?? declareRoute(segment, group, header))
      segment.file.write(group.bytes)
      segment.rows += batch.rows
      segment.fromMs = Math.min(segment.fromMs, batch.fromMs)
      segment.toMs = Math.max(segment.toMs, batch.toMs)
      if (segment.file.sizeBytes >= this.#limits.maxBytes) this.close(projectId)
      return true
    } catch (error) {
      this.lostRows += batch.rows
      this.lastError = error
      this.#refusedUntilMs = monotonicMs() + RETRY_AFTER_FAILURE_MS
      this.close(projectId)
      return false
    }
  }

  #segmentOf(projectId: string): OpenSegment {
    const open = this.#open.get(projectId)
    if (open !== undefined) return open
    if (monotonicMs() < this.#refusedUntilMs) throw this.lastError
    const segmentId = this.#ids.uuid()
    const path = this.#spool.pathOf(segmentId)
    const { gatewayId } = this.#spool
    const header = { format: 1, segmentId, gatewayId, projectId, kind: 'prediction' } as const
    const segment: OpenSegment = {
      file: createSegment(path, header),
      routes: new Map(),
      rows: 0,
      fromMs: Infinity,
      toMs: -Infinity,
      timer: setTimeout(() => this.close(projectId), this.#limits.maxAgeMs),
    }
    segment.timer.unref()
    this.#open.set(projectId, segment)
    return segment
  }

  /** Closes a project's open segment and hands it to the spool. */
  close(projectId: string): void {
    const segment = this.#open.get(projectId)
    if (segment === undefined) return
    this.#open.delete(projectId)
    clearTimeout(segment.timer)
    segment.file[Symbol.dispose]()
    if (segment.rows === 0) rmSync(segment.file.path, { force: true })
    else this.#spool.add(toClosed(segment))
  }

  closeAll(): void {
    for (const projectId of this.#open.keys()) this.close(projectId)
  }

  [Symbol.dispose](): void {
    this.closeAll()
  }
}

/** Creates the file; leaves none behind when its header could not be written. */
export function createSegment(path: string, header: SegmentFile['header']): SegmentFile {
  try {
    return SegmentFile.create(path, header)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
}

function declareRoute(segment: OpenSegment, group: FrameGroup, header: RouteHeader): number {
  const number = segment.routes.size
  const writer = group.begin(FRAME.route)
  writer.u16(number)
  writer.raw(Buffer.from(JSON.stringify(header)))
  group.end()
  segment.routes.set(header, number)
  return number
}

function toClosed({ file, rows, fromMs, toMs, routes }: OpenSegment): ClosedSegment {
  const deployments = [...new Set([...routes.keys()].map((route) => route.deployment))]
  return { header: file.header, path: file.path, rows, fromMs, toMs, deployments }
}
