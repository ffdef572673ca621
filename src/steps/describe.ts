import { z } from 'zod'
import { stepSource, type PipelineSource, type StepSource } from './authoring.ts'
import type { KindDefinition, PipelineDefinition, StepDefinition } from './schema.ts'
import { durationMs } from '../kernel/duration.ts'
import type { Kind, Kinds } from './kinds.ts'

/** Where a step's code is, with content hashes of all that it runs. */
export interface StepOrigin {
  module: string
  export: string
  code: Record<string, string>
  files: Record<string, string>
  environment: Record<string, string>
}

export function builtInStepId(name: string): string {
  return `tidemill#${name}`
}

export function stepId({ module, export: name }: { module: string; export: string }): string {
  return `${module}#${name}`
}

/** The JSON form of a step. */
export function describeStep(source: StepSource, origin: StepOrigin): StepDefinition {
  return {
    ...describeBody(source),
    id: stepId(origin),
    module: origin.module,
    export: origin.export,
    code: origin.code,
    files: origin.files,
    environment: origin.environment,
  }
}

export function describeBuiltInStep(step: unknown): StepDefinition {
  const source = stepSource(step)
  if (source?.kind !== 'built_in') throw new TypeError('not a built-in step')
  return { ...describeBody(source), id: builtInStepId(source.name), code: {}, files: {}, environment: {} }
}

export function describePipeline({ name, params, on }: PipelineSource): PipelineDefinition {
  return { name, params: jsonSchemaOf(params), on: [...on] }
}

function describeBody(source: StepSource) {
  const { cache } = source
  return {
    name: source.name,
    kind: source.kind,
    ...(source.script !== undefined && { script: source.script }),
    ...(source.command !== undefined && { command: source.command }),
    ...(source.version !== undefined && { version: source.version }),
    ...(source.salt !== undefined && { salt: source.salt }),
    in: describeKinds(source.in),
    out: describeKinds(source.out),
    params: jsonSchemaOf(source.params),
    cache: describeCache(cache),
    retries: source.retries ?? 0,
    ...(source.timeout !== undefined && { timeoutMs: durationMs.parse(source.timeout) }),
    secrets: [...(source.secrets ?? [])],
  }
}

function describeCache(cache: StepSource['cache']): StepDefinition['cache'] {
  if (cache === undefined) return 'always'
  return cache === false ? 'never' : { maxAgeMs: durationMs.parse(cache.maxAge) }
}

function describeKinds(kinds: Kinds): Record<string, KindDefinition> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, describeKind(kind)]))
}

function describeKind(kind: Kind): KindDefinition {
  return kind.kind === 'json' ? { kind: 'json', schema: jsonSchemaOf(kind.schema) } : { kind: kind.kind }
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}
