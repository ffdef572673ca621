import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  FRAME,
  FrameGroup,
  headerOf,
  readFrames,
  recoverSegment,
  SegmentFile,
  type SegmentHeader,
} from './segment.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-segment-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const header: SegmentHeader = {
  format: 1,
  segmentId: 's',
  gatewayId: 'g',
  projectId: 'p',
  kind: 'prediction',
}
const frame = fc.record({
  kind: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 300 }),
})

function bytesOf(frames: readonly { kind: number; payload: Uint8Array }[]): Buffer {
  const group = new FrameGroup()
  for (const { kind, payload } of frames) group.frame(kind, payload)
  return Buffer.from(group.bytes)
}

const plain = (frames: readonly { kind: number; payload: Uint8Array }[]) =>
  frames.map(({ kind, payload }) => ({ kind, payload: [...payload] }))

describe('frames', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(frame), (frames) => {
        const bytes = bytesOf(frames)
        const read = readFrames(bytes)
        expect(plain(read.frames)).toEqual(plain(frames))
        expect(read.lengthBytes).toBe(bytes.length)
      }),
    )
  })

  it('cut anywhere leave the whole frames before the cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1 }), fc.nat(), (frames, nat) => {
        const bytes = bytesOf(frames)
        const cut = nat % bytes.length
        const read = readFrames(bytes.subarray(0, cut))
        expect(plain(read.frames)).toEqual(plain(frames).slice(0, read.frames.length))
        const next = frames[read.frames.length]!
        expect(read.lengthBytes).toBeLessThanOrEqual(cut)
        expect(read.lengthBytes + 9 + next.payload.length).toBeGreaterThan(cut)
      }),
    )
  })

  it('with a damaged byte end before the damage', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (frames, nat, flip) => {
          const bytes = bytesOf(frames)
          const at = nat % bytes.length
          bytes[at]! ^= flip
          const read = readFrames(bytes)
          expect(read.lengthBytes).toBeLessThanOrEqual(at)
          expect(plain(read.frames)).toEqual(plain(frames).slice(0, read.frames.length))
        },
      ),
    )
  })
})

describe('a segment file', () => {
  it('can be read while it is open, and names itself first', () => {
    const path = join(folder, 'open.seg')
    using segment = SegmentFile.create(path, header)
    segment.write(bytesOf([{ kind: FRAME.feedback, payload: Buffer.from('x') }]))
    const { frames } = readFrames(readFileSync(path))
    expect(headerOf(frames)).toEqual(header)
    expect(frames).toHaveLength(2)
  })

  it('loses its torn tail on recovery and nothing else', () => {
    const path = join(folder, 'torn.seg')
    const segment = SegmentFile.create(path, header)
    segment.write(bytesOf([{ kind: FRAME.feedback, payload: Buffer.from('acknowledged') }]))
    segment[Symbol.dispose]()
    const whole = statSync(path).size
    appendFileSync(path, bytesOf([{ kind: FRAME.feedback, payload: Buffer.from('torn') }]).subarray(0, 11))
    expect(recoverSegment(path)?.frames.at(-1)?.payload.toString()).toBe('acknowledged')
    expect(statSync(path).size).toBe(whole)
  })

  it('whose header was never written whole is nothing', () => {
    const path = join(folder, 'short.seg')
    SegmentFile.create(path, header)[Symbol.dispose]()
    truncateSync(path, 12)
    expect(recoverSegment(path)).toBeUndefined()
  })
})
