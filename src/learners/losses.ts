import { fastSigmoid } from './fast-sigmoid.ts'
import type { Task } from './schema.ts'

/** A loss over raw scores, one array of scores for each output. */
export interface Loss {
  /** The constant scores that fit the target best. */
  start(target: Float64Array): number[]
  /** Writes for each output the first and second derivative of each row, interleaved. */
  derive(scores: readonly Float64Array[], target: Float64Array, derivatives: readonly Float32Array[]): void
  /** Mean over the rows: log loss, or half the squared error. */
  mean(scores: readonly Float64Array[], target: Float64Array): number
}

export function lossOf(task: Task, outputs: number): Loss {
  if (task === 'regression') return squaredError
  if (task === 'binary') return logLoss
  return softmaxLoss(outputs)
}

/** Never further than this from 0 and 1, so that its logarithm is finite. */
const EDGE = 1e-15

const squaredError: Loss = {
  start: (target) => [mean(target)],
  derive([scores], target, [derivatives]) {
    for (let row = 0; row < target.length; row++) {
      derivatives![row * 2] = scores![row]! - target[row]!
      derivatives![row * 2 + 1] = 1
    }
  },
  mean([scores], target) {
    let sum = 0
    for (let row = 0; row < target.length; row++) sum += (scores![row]! - target[row]!) ** 2
    return sum / 2 / target.length
  },
}

const logLoss: Loss = {
  start(target) {
    const share = clip(mean(target))
    return [Math.log(share / (1 - share))]
  },
  derive([scores], target, [derivatives]) {
    for (let row = 0; row < target.length; row++) {
      const probability = fastSigmoid(scores![row]!)
      derivatives![row * 2] = probability - target[row]!
      derivatives![row * 2 + 1] = probability * (1 - probability)
    }
  },
  mean([scores], target) {
    let sum = 0
    for (let row = 0; row < target.length; row++) {
      const score = scores![row]!
      sum += Math.max(score, 0) - score * target[row]! + Math.log1p(Math.exp(-Math.abs(score)))
    }
    return sum / target.length
  },
}

function softmaxLoss(outputs: number): Loss {
  return {
    start(target) {
      const counts = new Float64Array(outputs)
      for (const label of target) counts[label]! += 1
      return Array.from(counts, (count) => Math.log(clip(count / target.length)))
    },
    derive(scores, target, derivatives) {
      const probabilities = new Float64Array(outputs)
      const factor = outputs / (outputs - 1)
      for (let row = 0; row < target.length; row++) {
        for (let output = 0; output < outputs; output++) probabilities[output] = scores[output]![row]!
        softmax(probabilities)
        for (let output = 0; output < outputs; output++) {
          const probability = probabilities[output]!
          derivatives[output]![row * 2] = probability - (target[row] === output ? 1 : 0)
          derivatives[output]![row * 2 + 1] = factor * probability * (1 - probability)
        }
      }
    },
    mean(scores, target) {
      const probabilities = new Float64Array(outputs)
      let sum = 0
      for (let row = 0; row < target.length; row++) {
        for (let output = 0; output < outputs; output++) probabilities[output] = scores[output]![row]!
        softmax(probabilities)
        sum -= Math.log(clip(probabilities[target[row]!]!))
      }
      return sum / target.length
    },
  }
}

export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score))
}

/** Logits become probabilities, in place. */
export function softmax(values: Float64Array): void {
  let most = -Infinity
  for (const value of values) most = Math.max(most, value)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i]! - most)
  for (let i = 0; i < values.length; i++) values[i]! /= sum
}

export function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

function clip(share: number): number {
  return Math.min(Math.max(share, EDGE), 1 - EDGE)
}
