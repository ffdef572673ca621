import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync, fdatasync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { ByteWriter } from './byte-writer.ts'

/**
 * A segment is a file of frames: `u32 length · u32 crc32 · u8 kind · payload`, little-endian, where length counts the payload
 * and the checksum covers kind and payload. The first frame is a header. A reader stops at the first frame that is
 * cut off or damaged: what follows was never acknowledged.
 */
export const FRAME = { header: 0, predictions: 1, counts: 2, feedback: 3, route: 4 } as const
const FRAME_BYTES = 9

type SegmentKind = 'prediction' | 'feedback'

/** The first frame of every segment, as JSON. */
export interface SegmentHeader {
  format: 1
  segmentId: string
  gatewayId: string
  projectId: string
  kind: SegmentKind
}

export interface Frame {
  kind: number
  payload: Buffer
}

/** Frames that are written together by one system call: all of them, or none. */
export class FrameGroup {
  readonly #bytes = new ByteWriter()
  #frameAt = 0

  get length(): number {
    return this.#bytes.length
  }

  /** Begins a frame; write its payload to what is returned, then call `end`. */
  begin(kind: number): ByteWriter {
    this.#frameAt = this.#bytes.skip(FRAME_BYTES)
    this.#bytes.u8At(this.#frameAt + 8, kind)
    return this.#bytes
  }

  end(): void {
    const at = this.#frameAt
    this.#bytes.u32At(at, this.#bytes.length - at - FRAME_BYTES)
    this.#bytes.u32At(at + 4, crc32(this.#bytes.slice(at + 8)))
  }

  frame(kind: number, payload: Uint8Array): void {
    this.begin(kind).raw(payload)
    this.end()
  }

  clear(): void {
    this.#bytes.reset()
  }

  get bytes(): Buffer {
    return this.#bytes.bytes
  }
}

/** An open segment. A failed write leaves the file as long as it was, so that it stays readable. */
export class SegmentFile implements Disposable {
  readonly header: SegmentHeader
  readonly path: string
  #descriptor: number | undefined
  #length = 0

  private constructor(path: string, header: SegmentHeader, descriptor: number) {
    this.path = path
    this.header = header
    this.#descriptor = descriptor
  }

  /** Creates the file. A feedback segment's name is synced too, as its rows will be. Throws what the file system says. */
  static create(path: string, header: SegmentHeader): SegmentFile {
    const segment = new SegmentFile(path, header, openSync(path, 'wx'))
    const group = new FrameGroup()
    group.frame(FRAME.header, Buffer.from(JSON.stringify(header)))
    try {
      segment.write(group.bytes)
      if (header.kind === 'feedback') syncFolder(dirname(path))
    } catch (error) {
      segment[Symbol.dispose]()
      throw error
    }
    return segment
  }

  get sizeBytes(): number {
    return this.#length
  }

  /** Appends whole frames. Once it returns they survive the death of this process. Throws when the disk refuses. */
  write(frames: Uint8Array): void {
    const descriptor = this.#open()
    let written = 0
    try {
      while (written < frames.length) {
        written += writeSync(descriptor, frames, written, frames.length - written, this.#length + written)
      }
    } catch (error) {
      ftruncateSync(descriptor, this.#length)
      throw error
    }
    this.#length += written
  }

  /** Makes what was written survive power loss. */
  async sync(): Promise<void> {
    const descriptor = this.#open()
    await new Promise<void>((resolve, reject) => {
      fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))
    })
  }

  #open(): number {
    if (this.#descriptor === undefined) throw new Error('The segment is closed')
    return this.#descriptor
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The whole frames of a segment and how many bytes they take; a cut off or damaged tail is left out. */
export function readFrames(bytes: Uint8Array): { frames: Frame[]; lengthBytes: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: Frame[] = []
  let at = 0
  while (at + FRAME_BYTES <= buffer.length) {
    const end = at + FRAME_BYTES + buffer.readUInt32LE(at)
    if (end > buffer.length || crc32(buffer.subarray(at + 8, end)) !== buffer.readUInt32LE(at + 4)) break
    frames.push({ kind: buffer[at + 8]!, payload: buffer.subarray(at + FRAME_BYTES, end) })
    at = end
  }
  return { frames, lengthBytes: at }
}

/** The header of a segment's frames; undefined when not even that was written whole. */
export function headerOf(frames: readonly Frame[]): SegmentHeader | undefined {
  const [first] = frames
  if (first?.kind !== FRAME.header) return undefined
  return JSON.parse(first.payload.toString('utf8')) as SegmentHeader
}

/** Cuts a torn tail off a segment that a killed process left, and reads the rest. */
export function recoverSegment(path: string): { header: SegmentHeader; frames: Frame[] } | undefined {
  const bytes = readFileSync(path)
  const { frames, lengthBytes } = readFrames(bytes)
  const header = headerOf(frames)
  if (header === undefined) return undefined
  if (lengthBytes < bytes.length) {
    const descriptor = openSync(path, 'r+')
    try {
      ftruncateSync(descriptor, lengthBytes)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }
  return { header, frames }
}
