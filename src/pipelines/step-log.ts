import { appendFile, mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Context } from '../http/context.ts'
import { messageOf } from '../kernel/errors.ts'
import { begunSecret, redact } from '../kernel/secret.ts'

const MAX_BYTES = 10 * 1024 * 1024
const FLUSH_MS = 200

/** Where the log of an attempt grows while it runs; afterwards it is a blob. */
export function logPath(config: Context['config'], executionId: string, attempt: number): string {
  return join(config.dataDir, 'logs', `${executionId}-${attempt}.log`)
}

/** The growing log of one attempt. Secrets are taken out before anything is written, also those that come in pieces. */
export class StepLog {
  readonly path: string
  readonly #secrets: readonly string[]
  /** What may be the beginning of a secret. */
  #held = ''
  #waiting = ''
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void>
  #failure: string | undefined

  constructor(path: string, secrets: readonly string[]) {
    this.path = path
    this.#secrets = secrets
    this.#writing = this.#noting(mkdir(dirname(path), { recursive: true }))
  }

  write(text: string): void {
    if (this.#bytes > MAX_BYTES) return
    const whole = redact(this.#held + text, this.#secrets)
    const end = whole.length - begunSecret(whole, this.#secrets)
    this.#held = whole.slice(end)
    this.#add(whole.slice(0, end))
  }

  #add(clean: string): void {
    if (clean === '') return
    this.#bytes += clean.length
    this.#waiting += this.#bytes > MAX_BYTES ? '\n… the rest of the log was left out\n' : clean
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS)
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#waiting
    this.#waiting = ''
    if (text !== '') this.#writing = this.#writing.then(() => this.#append(text))
    await this.#writing
  }

  async #append(text: string): Promise<void> {
    if (this.#failure === undefined) await this.#noting(appendFile(this.path, text))
  }

  /** A log that can't be written, on a full disk say, costs the step its log and not the worker its life. */
  async #noting(work: Promise<unknown>): Promise<void> {
    await work.catch((error: unknown) => {
      this.#failure ??= messageOf(error)
    })
  }

  /** All that was logged; where it could not be written, as far as it could, and why it ends there. */
  async close(): Promise<Uint8Array> {
    this.#add(this.#held)
    this.#held = ''
    await this.#flush()
    const bytes = await readFile(this.path).catch(() => new Uint8Array())
    if (this.#failure === undefined) return bytes
    return Buffer.concat([bytes, Buffer.from(`\n… the rest could not be written: ${this.#failure}\n`)])
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/** The part of a growing log after a byte, in whole characters; empty when the file is not on this machine. */
export async function readGrowingLog(path: string, after: number): Promise<Buffer> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    file = await open(path)
  } catch {
    return Buffer.alloc(0)
  }
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - after, MAX_BYTES)))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, after)
    return wholeCharacters(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** Without the beginning of a UTF-8 character whose end is not there. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes.at(-back)!
    if ((byte & 0xc0) === 0x80) continue
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return size > back ? bytes.subarray(0, -back) : bytes
  }
  return bytes
}
