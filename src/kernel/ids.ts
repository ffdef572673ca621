import { createHash, randomBytes } from 'node:crypto'

export interface Ids {
  /** A UUID version 7 (RFC 9562): sorts by time of creation, also within one millisecond. */
  uuid(): string
  /** 32 lower-case hex digits, as MLflow's run ids. */
  hex32(): string
}

type Entropy = (bytes: number) => Uint8Array

export const randomIds: Ids = createIds(pooledEntropy(), Date.now)

/** Drawn in large pieces: a call into the runtime for each id would cost more than the id. */
function pooledEntropy(): Entropy {
  let pool = randomBytes(0)
  let at = 0
  return (bytes) => {
    if (at + bytes > pool.length) {
      pool = randomBytes(8192)
      at = 0
    }
    at += bytes
    return pool.subarray(at - bytes, at)
  }
}

/** Ids that depend on the seed alone, for tests. */
export function seededIds(seed: string): Ids {
  let drawn = 0
  const entropy: Entropy = (bytes) =>
    createHash('sha256').update(`${seed}:${drawn++}`).digest().subarray(0, bytes)
  let time = 0
  return createIds(entropy, () => 1_700_000_000_000 + time++)
}

function createIds(entropy: Entropy, nowMs: () => number): Ids {
  let lastMs = 0
  let counter = 0
  return {
    uuid() {
      const now = nowMs()
      if (now > lastMs) {
        lastMs = now
        counter = (entropy(2)[0]! << 3) | 0
      } else if (++counter > 0xfff) {
        lastMs += 1
        counter = 0
      }
      return formatUuid7(lastMs, counter, entropy(8))
    },
    hex32: () => Buffer.from(entropy(16)).toString('hex'),
  }
}

/** 48 bits of time, version, a 12-bit counter, variant, 62 bits of entropy. */
function formatUuid7(timeMs: number, counter: number, tail: Uint8Array): string {
  const time = timeMs.toString(16).padStart(12, '0')
  const count = counter.toString(16).padStart(3, '0')
  const rest = Buffer.from(tail).toString('hex')
  const variant = ((Number.parseInt(rest[0]!, 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${variant}${rest.slice(1, 4)}-${rest.slice(4)}`
}
