export const BUCKETS = 10_000

/**
 * The bucket of a unit in a rollout, 0 to 9,999: the same for the same salt and unit on every gateway, and independent
 * between salts. A unit belongs to the candidate when its bucket is below the candidate's weight.
 */
export function bucketOf(salt: string, unit: string): number {
  // Murmur3's 32-bit hash over UTF-16 code units; the bias of the remainder is below 3e-6.
  let hash = mixIn(mixIn(0x9747b28c, salt), unit)
  hash ^= salt.length + unit.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % BUCKETS
}

function mixIn(seed: number, text: string): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    let part = Math.imul(text.charCodeAt(i), 0xcc9e2d51)
    part = Math.imul((part << 15) | (part >>> 17), 0x1b873593)
    hash ^= part
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  // A mark between the parts, so that ('ab', 'c') and ('a', 'bc') differ.
  return Math.imul(hash ^ 0x5bd1e995, 0x01000193)
}
