import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json.ts'

/** Holds params against a pipeline's JSON Schema, so that a wrong one is refused before anything starts. */
export function checkParams(
  pipeline: string,
  schema: Readonly<Record<string, unknown>>,
  params: JsonObject,
): void {
  const known = Object.keys((schema['properties'] as object | undefined) ?? {})
  const unknown = Object.keys(params).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const others = known.length > 0 ? `its params are ${known.join(', ')}` : 'it has none'
    throw new AppError('invalid', `The pipeline ${pipeline} has no param ${unknown}; ${others}`)
  }
  const parsed = z.fromJSONSchema(schema).safeParse(params)
  if (parsed.success) return
  throw new AppError('invalid', `Wrong params of the pipeline ${pipeline}: ${z.prettifyError(parsed.error)}`)
}
