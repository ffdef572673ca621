/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** `count` different numbers below `limit`, ascending (selection sampling, Knuth 3.4.2 S). */
export function pick(count: number, limit: number, random: () => number): Uint32Array {
  const picked = new Uint32Array(count)
  for (let at = 0, taken = 0; taken < count; at++) {
    if ((limit - at) * random() < count - taken) picked[taken++] = at
  }
  return picked
}
