const viewport = 1000

/**
 * Time-weighted exponential moving average with de-bias, as W&B documents it: what a point weighs fades with its distance in x, scaled
 * to the range of x, so that series of different density smooth alike. `weight` is 0 (raw) to 0.999.
 */
export function smooth(xs: readonly number[], ys: readonly number[], weight: number): number[] {
  if (weight === 0) return [...ys]
  const keep = Math.min(Math.sqrt(weight), 0.999)
  const range = (xs.at(-1) ?? 0) - (xs[0] ?? 0) || 1
  let sum = 0
  let mass = 0
  return ys.map((y, index) => {
    const step = index === 0 ? 0 : (((xs[index] ?? 0) - (xs[index - 1] ?? 0)) / range) * viewport
    const faded = keep ** step
    sum = sum * faded + y
    mass = mass * faded + 1
    return sum / mass
  })
}
