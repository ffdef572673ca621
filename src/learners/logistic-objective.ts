import { softmax, sigmoid } from './losses.ts'
import { multiply, multiplyTransposed } from './logistic-design.ts'
import type { Design } from './logistic-design.ts'
import type { Objective } from './newton.ts'
import type { Task } from './schema.ts'

/**
 * Σ loss + ½·l2·|weights|² over the design's rows; intercepts are free. The point holds the weights of one output after
 * those of another. The loss is log loss, softmax cross-entropy, or half the squared error.
 */
export function penalizedLoss(
  design: Design,
  target: Float64Array,
  task: Task,
  outputs: number,
  l2: number,
): Objective {
  const { rows, width } = design
  const matrix = () => Array.from({ length: outputs }, () => new Float64Array(rows))
  const margins = matrix()
  const fits = matrix()
  const scratch = matrix()
  const link = linkOf(task)
  const part = (vector: Float64Array, output: number) => vector.subarray(output * width, (output + 1) * width)
  const penalize = (vector: Float64Array, result: Float64Array) => {
    for (let i = 0; i < vector.length; i++) if (i % width !== 0) result[i]! += l2 * vector[i]!
  }
  let current: Float64Array = new Float64Array(0)
  return {
    size: width * outputs,
    moveTo(point) {
      current = point
      for (let output = 0; output < outputs; output++) multiply(design, part(point, output), margins[output]!)
      const penalty = point.reduce((sum, value, i) => (i % width === 0 ? sum : sum + value * value), 0)
      return link.fit(margins, target, fits) + (l2 / 2) * penalty
    },
    gradient(result) {
      for (let output = 0; output < outputs; output++) {
        const residual = scratch[output]!
        for (let row = 0; row < rows; row++) {
          residual[row] =
            fits[output]![row]! - (task === 'multiclass' ? Number(target[row] === output) : target[row]!)
        }
        multiplyTransposed(design, residual, part(result, output))
      }
      penalize(current, result)
    },
    hessianTimes(vector, result) {
      for (let output = 0; output < outputs; output++)
        multiply(design, part(vector, output), scratch[output]!)
      link.bend(fits, scratch)
      for (let output = 0; output < outputs; output++) {
        multiplyTransposed(design, scratch[output]!, part(result, output))
      }
      penalize(vector, result)
    },
    curvature(result) {
      const weights = scratch[0]!
      for (let output = 0; output < outputs; output++) {
        for (let row = 0; row < rows; row++) weights[row] = link.weight(fits[output]![row]!)
        multiplyTransposed(design, weights, part(result, output), true)
      }
      for (let i = 0; i < result.length; i++) if (i % width !== 0) result[i]! += l2
    },
  }
}

interface Link {
  /** Writes the fits of the margins; returns the sum of the losses. */
  fit(margins: readonly Float64Array[], target: Float64Array, fits: readonly Float64Array[]): number
  /** Multiplies changes of the margins by the loss's second derivatives, in place. */
  bend(fits: readonly Float64Array[], changes: readonly Float64Array[]): void
  /** The second derivative with respect to the own margin. */
  weight(fit: number): number
}

function linkOf(task: Task): Link {
  return { regression: identityLink, binary: logitLink, multiclass: softmaxLink }[task]
}

const identityLink: Link = {
  fit([margins], target, [fits]) {
    fits!.set(margins!)
    let sum = 0
    for (let row = 0; row < target.length; row++) sum += (margins![row]! - target[row]!) ** 2
    return sum / 2
  },
  bend() {},
  weight: () => 1,
}

const logitLink: Link = {
  fit([margins], target, [fits]) {
    let sum = 0
    for (let row = 0; row < target.length; row++) {
      const margin = margins![row]!
      fits![row] = sigmoid(margin)
      sum += Math.max(margin, 0) - margin * target[row]! + Math.log1p(Math.exp(-Math.abs(margin)))
    }
    return sum
  },
  bend([fits], [changes]) {
    for (let row = 0; row < changes!.length; row++) changes![row]! *= fits![row]! * (1 - fits![row]!)
  },
  weight: (fit) => fit * (1 - fit),
}

const softmaxLink: Link = {
  fit(margins, target, fits) {
    const values = new Float64Array(margins.length)
    let sum = 0
    for (let row = 0; row < target.length; row++) {
      margins.forEach((margin, output) => (values[output] = margin[row]!))
      const own = values[target[row]!]!
      const most = values.reduce((most, value) => Math.max(most, value), -Infinity)
      sum += Math.log(values.reduce((total, value) => total + Math.exp(value - most), 0)) + most - own
      softmax(values)
      fits.forEach((fit, output) => (fit[row] = values[output]!))
    }
    return sum
  },
  bend(fits, changes) {
    for (let row = 0; row < changes[0]!.length; row++) {
      let common = 0
      for (let output = 0; output < fits.length; output++)
        common += fits[output]![row]! * changes[output]![row]!
      for (let output = 0; output < fits.length; output++) {
        changes[output]![row] = fits[output]![row]! * (changes[output]![row]! - common)
      }
    }
  },
  weight: (fit) => fit * (1 - fit),
}
