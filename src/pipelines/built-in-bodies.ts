import { AppError } from '../kernel/errors.ts'
import { splitByTime } from './split.ts'

type Body = (scope: never) => unknown

const BODIES: Readonly<Record<string, Body>> = { split: splitByTime }

/** What a built-in step computes. Loaded only where steps run. */
export function builtInBody(name: string): Body {
  const body = BODIES[name]
  if (body) return body
  throw new AppError('internal', `There is no built-in step ${name}`)
}
