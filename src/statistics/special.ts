/** Distribution functions in double precision; tested against 30-digit values to about 1e-10 relative. */

const LANCZOS_G = 607 / 128
const LANCZOS = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202,
  3.399464998481189e-5, 4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125,
  -0.00021026444172410488, 0.00021743961811521265, -0.0001643181065367639, 8.441822398385275e-5,
  -2.6190838401581408e-5, 3.6899182659531625e-6,
]
const EPSILON = 1e-16
const TINY = 1e-300
const MAX_ITERATIONS = 100_000

/** ln Γ(x) for x > 0. Lanczos series with Godfrey's coefficients (g = 607/128). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  let sum = LANCZOS[0]!
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (shifted + i)
  const t = shifted + LANCZOS_G + 0.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum)
}

/** ln B(a, b). */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x ≥ 0. */
export function gammaP(a: number, x: number): number {
  if (x <= 0) return 0
  return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x)
}

/** Regularised upper incomplete gamma Q(a, x) = 1 − P(a, x), accurate in the upper tail. */
export function gammaQ(a: number, x: number): number {
  if (x <= 0) return 1
  return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x)
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let i = 1; i < MAX_ITERATIONS && term > sum * EPSILON; i++) {
    term *= x / (a + i)
    sum += term
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a))
}

/** Lentz's method (Numerical Recipes §6.2). */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / b
  let h = d
  for (let i = 1; i < MAX_ITERATIONS; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / nonZero(an * d + b)
    c = nonZero(b + an / c)
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 4 * EPSILON) break
  }
  return h * Math.exp(a * Math.log(x) - x - logGamma(a))
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value
}

/** Regularised incomplete beta I_x(a, b), a, b > 0, 0 ≤ x ≤ 1 (Numerical Recipes §6.4). */
export function betaI(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b))
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a
  return 1 - (front * betaFraction(1 - x, b, a)) / b
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < MAX_ITERATIONS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 4 * EPSILON) break
  }
  return h
}

/** Standard normal distribution function, accurate in both tails. */
export function normalCdf(x: number): number {
  const tail = 0.5 * gammaQ(0.5, (x * x) / 2)
  return x > 0 ? 1 - tail : tail
}

/** Standard normal quantile, 0 < p < 1. Wichura's AS 241 (PPND16), relative error about 1e-16. */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * polynomial(CENTRE_TOP, r)) / polynomial(CENTRE_BOTTOM, r)
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const tail =
    r <= 5
      ? polynomial(MIDDLE_TOP, r - 1.6) / polynomial(MIDDLE_BOTTOM, r - 1.6)
      : polynomial(FAR_TOP, r - 5) / polynomial(FAR_BOTTOM, r - 5)
  return q < 0 ? -tail : tail
}

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0
  for (let i = coefficients.length - 1; i >= 0; i--) value = value * x + coefficients[i]!
  return value
}

const CENTRE_TOP = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
]
const CENTRE_BOTTOM = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852546,
]
const MIDDLE_TOP = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
]
const MIDDLE_BOTTOM = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995345, 1.0507500716444169e-9,
]
const FAR_TOP = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
]
const FAR_BOTTOM = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
  1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
]

/** χ² distribution function with `df` degrees of freedom. */
function chiSquareCdf(x: number, df: number): number {
  return gammaP(df / 2, x / 2)
}

/** P(χ² > x): the p-value of a χ² statistic. */
export function chiSquareTail(x: number, df: number): number {
  return df <= 0 ? 1 : gammaQ(df / 2, x / 2)
}

/** χ² quantile, 0 < p < 1. */
export function chiSquareQuantile(p: number, df: number): number {
  const z = normalQuantile(p)
  const guess = df * (1 - 2 / (9 * df) + z * Math.sqrt(2 / (9 * df))) ** 3
  let high = Math.max(2 * guess, df, 1)
  while (chiSquareCdf(high, df) < p) high *= 2
  return invert((x) => chiSquareCdf(x, df) - p, 0, high)
}

/** Beta quantile: the x with I_x(a, b) = p. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0
  if (p >= 1) return 1
  return invert((x) => betaI(x, a, b) - p, 0, 1)
}

/** Student t distribution function; `df` may be fractional. */
export function studentTCdf(t: number, df: number): number {
  const t2 = t * t
  const tail =
    t2 < df ? 0.5 - 0.5 * betaI(t2 / (df + t2), 0.5, df / 2) : 0.5 * betaI(df / (df + t2), df / 2, 0.5)
  return t > 0 ? 1 - tail : tail
}

/** Student t quantile, 0 < p < 1; `df` may be fractional. */
export function studentTQuantile(p: number, df: number): number {
  const tail = Math.min(p, 1 - p)
  if (tail === 0.5) return 0
  const inner = tail > 0.25
  const x = inner ? betaQuantile(1 - 2 * tail, 0.5, df / 2) : betaQuantile(2 * tail, df / 2, 0.5)
  const t =
    !inner && x > 0.9
      ? invert((t) => tail - studentTCdf(-t, df), 0, -4 * normalQuantile(tail) + 10)
      : Math.sqrt(df * (inner ? x / (1 - x) : (1 - x) / x))
  return p < 0.5 ? -t : t
}

/** Kolmogorov's Q(λ) = P(√n·D > λ) for n → ∞. */
export function kolmogorovQ(lambda: number): number {
  if (lambda <= 0) return 1
  if (lambda < 1) {
    const y = (Math.PI * Math.PI) / (8 * lambda * lambda)
    let sum = 0
    for (let k = 1; k < 12; k += 2) sum += Math.exp(-k * k * y)
    return 1 - (Math.sqrt(2 * Math.PI) / lambda) * sum
  }
  let sum = 0
  for (let k = 1; k < 8; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * lambda * lambda)
  return sum
}

/**
 * The root of an increasing function between `low` and `high`, where it changes sign, to the last bits:
 * bisection in the exponent while the ends differ by more than a factor of two, then Ridders' method.
 */
function invert(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [low, high]
  for (let i = 0; i < 2000 && a >= 0 && b > 2 * a; i++) {
    const middle = a === 0 ? b / 1024 : Math.sqrt(a) * Math.sqrt(b)
    if (middle < TINY) return middle
    if (f(middle) < 0) a = middle
    else b = middle
  }
  let [fa, fb] = [f(a), f(b)]
  for (let i = 0; i < 100; i++) {
    if (fa === 0) return a
    if (fb === 0) return b
    const middle = a + (b - a) / 2
    if (middle <= a || middle >= b || b - a <= 2e-16 * Math.abs(middle)) return middle
    const fm = f(middle)
    const root = Math.sqrt(fm * fm - fa * fb)
    const guess = root === 0 ? middle : middle - ((middle - a) * fm) / root
    for (const [x, fx] of [[middle, fm] as const, [guess, f(guess)] as const]) {
      if (!(x > a && x < b)) continue
      if (fx < 0) [a, fa] = [x, fx]
      else [b, fb] = [x, fx]
    }
  }
  return a + (b - a) / 2
}
