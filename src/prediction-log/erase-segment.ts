import { ByteReader } from './byte-writer.ts'
import type { StoredFeedback } from './feedback-log.ts'
import { readRow, type ReadRow, type RouteHeader } from './prediction-rows.ts'
import { FRAME, FrameGroup, readFrames } from './segment.ts'

/**
 * A segment without some of its rows: every other byte of rows stays as it was written, counts beside them stay too, since they name
 * nobody. The same segment gives the same bytes.
 */
export function segmentWithout(
  bytes: Uint8Array,
  erased: {
    prediction?: (row: ReadRow, route: RouteHeader) => boolean
    feedback?: (item: StoredFeedback) => boolean
  },
): { bytes: Uint8Array; removed: number } {
  const group = new FrameGroup()
  const routes = new Map<number, RouteHeader>()
  let removed = 0
  for (const { kind, payload } of readFrames(bytes).frames) {
    if (kind === FRAME.route)
      routes.set(payload.readUInt16LE(0), JSON.parse(payload.toString('utf8', 2)) as RouteHeader)
    if (
      kind === FRAME.feedback &&
      erased.feedback?.(JSON.parse(payload.toString('utf8')) as StoredFeedback)
    ) {
      removed += 1
      continue
    }
    const { prediction } = erased
    if (kind !== FRAME.predictions || prediction === undefined) {
      group.frame(kind, payload)
      continue
    }
    const kept = keptRows(payload, routes, prediction)
    removed += kept.removed
    const writer = group.begin(kind)
    writer.u32(kept.rows.length)
    for (const row of kept.rows) writer.raw(row)
    group.end()
  }
  return { bytes: Uint8Array.from(group.bytes), removed }
}

function keptRows(
  payload: Buffer,
  routes: ReadonlyMap<number, RouteHeader>,
  isErased: (row: ReadRow, route: RouteHeader) => boolean,
): { rows: Buffer[]; removed: number } {
  const reader = new ByteReader(payload)
  const count = reader.u32()
  const rows: Buffer[] = []
  for (let left = count; left > 0; left--) {
    const start = payload.length - reader.left
    const row = readRow(reader, routes)
    if (!isErased(row, routes.get(row.route)!))
      rows.push(payload.subarray(start, payload.length - reader.left))
  }
  return { rows, removed: count - rows.length }
}
