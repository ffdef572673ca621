/** A seeded stream of random numbers. The same seed gives the same stream on every machine. */
export type Random = {
  /** Uniform in [0, 1), 53 bits. */
  readonly next: () => number
  /** Uniform over the 2³² unsigned integers. */
  readonly uint32: () => number
}

/** xoshiro128** (Blackman and Vigna 2018), its state filled from the seed by SplitMix32. */
export function createRandom(seed: number): Random {
  let mix = seed | 0
  const split = (): number => {
    mix = (mix + 0x9e3779b9) | 0
    let z = mix ^ (mix >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let [s0, s1, s2, s3] = [split(), split(), split(), split()]
  const uint32 = (): number => {
    const product = Math.imul(s1, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const t = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << 11) | (s3 >>> 21)
    return result >>> 0
  }
  const next = (): number => ((uint32() >>> 5) * 67_108_864 + (uint32() >>> 6)) / 9_007_199_254_740_992
  return { next, uint32 }
}

/** A uniform integer in [0, below), without bias. `below` is at most 2³². */
export function randomInteger(random: Random, below: number): number {
  const limit = 4_294_967_296 - (4_294_967_296 % below)
  let draw = random.uint32()
  while (draw >= limit) draw = random.uint32()
  return draw % below
}

/** A standard normal number (Marsaglia's polar method; the second number of each pair is dropped). */
export function randomNormal(random: Random): number {
  for (;;) {
    const u = 2 * random.next() - 1
    const v = 2 * random.next() - 1
    const s = u * u + v * v
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s)
  }
}

/** Fisher–Yates, in place. */
export function shuffle<T extends { length: number; [index: number]: unknown }>(random: Random, items: T): T {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomInteger(random, i + 1)
    const held = items[i]
    items[i] = items[j]
    items[j] = held
  }
  return items
}

/** A binomial count. Inversion for a small mean, else Hörmann's BTRS (1993); constant expected time. */
export function randomBinomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - randomBinomial(random, n, 1 - p)
  return n * p < 10 ? binomialByInversion(random, n, p) : binomialByRejection(random, n, p)
}

function binomialByInversion(random: Random, n: number, p: number): number {
  const odds = p / (1 - p)
  let probability = (1 - p) ** n
  let u = random.next()
  for (let k = 0; k < n; k++) {
    if (u < probability) return k
    u -= probability
    probability *= (odds * (n - k)) / (k + 1)
    if (probability < 1e-300) return k + 1
  }
  return n
}

function binomialByRejection(random: Random, n: number, p: number): number {
  const spread = Math.sqrt(n * p * (1 - p))
  const b = 1.15 + 2.53 * spread
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const centre = n * p + 0.5
  const squeeze = 0.92 - 4.2 / b
  const mode = Math.floor((n + 1) * p)
  const logOdds = Math.log(p / (1 - p))
  const alpha = (2.83 + 5.1 / b) * spread
  for (;;) {
    const u = random.next() - 0.5
    const v = random.next()
    const us = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / us + b) * u + centre)
    if (k < 0 || k > n) continue
    if (us >= 0.07 && v <= squeeze) return k
    const bound = logFactorial(mode) + logFactorial(n - mode) - logFactorial(k) - logFactorial(n - k)
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound + (k - mode) * logOdds) return k
  }
}

/** A Poisson count. Inversion for a small mean, else Hörmann's PTRS (1993). */
export function randomPoisson(random: Random, mean: number): number {
  if (mean <= 0) return 0
  return mean < 10 ? poissonByInversion(random, mean) : poissonByRejection(random, mean)
}

function poissonByInversion(random: Random, mean: number): number {
  let probability = Math.exp(-mean)
  let u = random.next()
  let k = 0
  while (u >= probability && probability > 1e-300) {
    u -= probability
    probability *= mean / ++k
  }
  return k
}

function poissonByRejection(random: Random, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean)
  const a = -0.059 + 0.02483 * b
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4)
  const squeeze = 0.9277 - 3.6224 / (b - 2)
  for (;;) {
    const u = random.next() - 0.5
    const v = random.next()
    const us = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43)
    if (us >= 0.07 && v <= squeeze) return k
    if (k < 0 || (us < 0.013 && v > us)) continue
    const log = Math.log((v * inverseAlpha) / (a / (us * us) + b))
    if (log <= k * Math.log(mean) - mean - logFactorial(k)) return k
  }
}

/** Stirling's series, exact to about 1e-10 from 10 upwards; below that, the product. */
function logFactorial(k: number): number {
  if (k < 10) {
    let product = 1
    for (let i = 2; i <= k; i++) product *= i
    return Math.log(product)
  }
  const x = k + 1
  const correction = (1 / 12 - (1 / 360 - 1 / 1260 / (x * x)) / (x * x)) / x
  return (x - 0.5) * Math.log(x) - x + 0.9189385332046728 + correction
}
