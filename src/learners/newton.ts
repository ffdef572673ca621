/** A convex function of a vector, with what truncated Newton needs. Each callback reads the point that `moveTo` was given last. */
export interface Objective {
  readonly size: number
  /** Makes a point current; returns the function's value there. */
  moveTo(point: Float64Array): number
  gradient(result: Float64Array): void
  hessianTimes(vector: Float64Array, result: Float64Array): void
  /** The Hessian's diagonal. */
  curvature(result: Float64Array): void
}

export interface Minimum {
  readonly point: Float64Array
  readonly iterations: number
  readonly converged: boolean
}

/**
 * Truncated Newton: each step solves the Newton system by conjugate gradients (Jacobi-preconditioned), then backtracks
 * (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 7.1). Starts at zero.
 */
export function minimize(
  objective: Objective,
  options: { maxIterations: number; tolerance: number },
): Minimum {
  const point = new Float64Array(objective.size)
  const gradient = new Float64Array(objective.size)
  let value = objective.moveTo(point)
  objective.gradient(gradient)
  const first = norm(gradient)
  for (let iterations = 0; iterations < options.maxIterations; iterations++) {
    const size = norm(gradient)
    if (size <= options.tolerance * first) return { point, iterations, converged: true }
    const accuracy = Math.min(0.1, Math.sqrt(size / first)) * size
    const step = conjugateGradients(objective, gradient, accuracy)
    const next = backtrack(objective, point, step, value, dotProduct(gradient, step))
    // Rounding hides any further descent.
    if (next === undefined)
      return { point, iterations, converged: size <= Math.sqrt(options.tolerance) * first }
    value = next
    objective.gradient(gradient)
  }
  return { point, iterations: options.maxIterations, converged: norm(gradient) <= options.tolerance * first }
}

/** Moves the point along the step, halved until the value falls enough; undefined when it never does. */
function backtrack(
  objective: Objective,
  point: Float64Array,
  step: Float64Array,
  value: number,
  slope: number,
): number | undefined {
  const start = point.slice()
  for (let length = 1; length > 1e-10; length /= 2) {
    for (let i = 0; i < point.length; i++) point[i] = start[i]! + length * step[i]!
    const next = objective.moveTo(point)
    if (next <= value + 1e-4 * length * slope) return next
  }
  point.set(start)
  return undefined
}

/** Solves H · step = -gradient until the residual's norm is at most `accuracy`. */
function conjugateGradients(objective: Objective, gradient: Float64Array, accuracy: number): Float64Array {
  const { size } = objective
  const step = new Float64Array(size)
  const residual = gradient.map((value) => -value)
  const inverse = new Float64Array(size)
  objective.curvature(inverse)
  for (let i = 0; i < size; i++) inverse[i] = inverse[i]! > 0 ? 1 / inverse[i]! : 1
  const scaled = residual.map((value, i) => value * inverse[i]!)
  const direction = scaled.slice()
  const bent = new Float64Array(size)
  let product = dotProduct(residual, scaled)
  for (let i = 0; i < 2 * size + 20 && norm(residual) > accuracy; i++) {
    objective.hessianTimes(direction, bent)
    const curvature = dotProduct(direction, bent)
    if (!(curvature > 0)) break
    const length = product / curvature
    for (let j = 0; j < size; j++) {
      step[j]! += length * direction[j]!
      residual[j]! -= length * bent[j]!
      scaled[j] = residual[j]! * inverse[j]!
    }
    const next = dotProduct(residual, scaled)
    for (let j = 0; j < size; j++) direction[j] = scaled[j]! + (next / product) * direction[j]!
    product = next
  }
  return step
}

function dotProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dotProduct(vector, vector))
}
