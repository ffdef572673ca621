import { AppError } from '../kernel/errors.ts'
import { evaluateModel, profileModel } from './evaluate-body.ts'
import { splitByTime } from './split.ts'
import type { StepHost } from './step-host.ts'
import { trainModel } from './train-body.ts'
import { makeTrainingSet } from './training-set-body.ts'

export type Body = (scope: never, host: StepHost) => unknown

const BODIES: Readonly<Record<string, Body>> = {
  split: splitByTime,
  training_set: makeTrainingSet,
  train: trainModel,
  evaluate: evaluateModel,
  reference_profile: profileModel,
}

/** What a built-in step computes. Loaded only where steps run. */
export function builtInBody(name: string): Body {
  const body = BODIES[name]
  if (body) return body
  throw new AppError('internal', `There is no built-in step ${name}`)
}
