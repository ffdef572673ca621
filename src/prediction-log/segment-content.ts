import { ByteReader } from './byte-writer.ts'
import { readCounts, type ProfileCount, type RolloutCount } from './counts.ts'
import { readRow, type ReadRow, type RouteHeader } from './prediction-rows.ts'
import type { StoredFeedback } from './feedback-log.ts'
import { FRAME, headerOf, readFrames, type Frame, type SegmentHeader } from './segment.ts'

/** What a prediction segment holds. Counts are those of the rows: none without its rows, none twice. */
export interface PredictionSegment {
  header: SegmentHeader
  routes: ReadonlyMap<number, RouteHeader>
  rows: ReadRow[]
  profiles: ProfileCount[]
  counts: RolloutCount[]
}

export interface FeedbackSegment {
  header: SegmentHeader
  items: StoredFeedback[]
}

export function readPredictionSegment(bytes: Uint8Array): PredictionSegment {
  const { header, frames } = framesOf(bytes)
  const routes = new Map<number, RouteHeader>()
  const segment: PredictionSegment = { header, routes, rows: [], profiles: [], counts: [] }
  let waiting: Buffer | undefined
  for (const { kind, payload } of frames) {
    if (kind === FRAME.route) addRoute(routes, payload)
    if (kind === FRAME.counts) waiting = payload
    if (kind !== FRAME.predictions) continue
    const reader = new ByteReader(payload)
    for (let left = reader.u32(); left > 0; left--) segment.rows.push(readRow(reader, routes))
    if (waiting === undefined) continue
    const { profiles, counts } = readCounts(waiting)
    segment.profiles.push(...profiles)
    segment.counts.push(...counts)
    waiting = undefined
  }
  return segment
}

export function readFeedbackSegment(bytes: Uint8Array): FeedbackSegment {
  const { header, frames } = framesOf(bytes)
  const items = frames
    .filter(({ kind }) => kind === FRAME.feedback)
    .map(({ payload }) => JSON.parse(payload.toString('utf8')) as StoredFeedback)
  return { header, items }
}

function framesOf(bytes: Uint8Array): { header: SegmentHeader; frames: Frame[] } {
  const { frames } = readFrames(bytes)
  const header = headerOf(frames)
  if (header === undefined) throw new Error('The segment has no header')
  return { header, frames }
}

function addRoute(routes: Map<number, RouteHeader>, payload: Buffer): void {
  routes.set(payload.readUInt16LE(0), JSON.parse(payload.toString('utf8', 2)) as RouteHeader)
}

/** Rows, time span and deployments of a recovered segment. */
export function summarize(frames: readonly Frame[]): {
  rows: number
  fromMs: number
  toMs: number
  deployments: string[]
} {
  const routes = new Map<number, RouteHeader>()
  const times: number[] = []
  for (const { kind, payload } of frames) {
    if (kind === FRAME.route) addRoute(routes, payload)
    if (kind === FRAME.feedback) {
      times.push((JSON.parse(payload.toString('utf8')) as StoredFeedback).received_ms)
    }
    if (kind !== FRAME.predictions) continue
    const reader = new ByteReader(payload)
    for (let left = reader.u32(); left > 0; left--) times.push(readRow(reader, routes).timeMs)
  }
  return {
    rows: times.length,
    fromMs: times.reduce((a, b) => Math.min(a, b), Infinity),
    toMs: times.reduce((a, b) => Math.max(a, b), -Infinity),
    deployments: [...new Set([...routes.values()].map((route) => route.deployment))],
  }
}
