import { z } from 'zod'
import { secretName } from '../kernel/secret.ts'
import { triggerSchema } from './trigger-definition.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
/** Paths in the project with the SHA-256 of their content. */
const hashedFiles = z.record(z.string(), hash)
const jsonSchema = z.record(z.string(), z.unknown())
const kind = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('table') }),
  z.strictObject({ kind: z.literal('model') }),
  z.strictObject({ kind: z.literal('json'), schema: jsonSchema }),
])

/** A step as JSON: all that its fingerprint needs, and where its code is. */
const stepDefinitionSchema = z.strictObject({
  /** `module#export`, or `tidemill#name` for a built-in step. */
  id: z.string(),
  name: z.string(),
  kind: z.enum(['ts', 'py', 'sh', 'built_in']),
  module: z.string().optional(),
  export: z.string().optional(),
  script: z.string().optional(),
  command: z.string().optional(),
  version: z.int().optional(),
  code: hashedFiles,
  files: hashedFiles,
  environment: hashedFiles,
  in: z.record(z.string(), kind),
  out: z.record(z.string(), kind),
  params: jsonSchema,
  salt: z.string().optional(),
  cache: z.union([z.literal('always'), z.literal('never'), z.strictObject({ maxAgeMs: z.number().min(0) })]),
  retries: z.int().min(0).max(100),
  timeoutMs: z.number().min(1).optional(),
  secrets: z.array(secretName),
})
export type StepDefinition = z.infer<typeof stepDefinitionSchema>
export type KindDefinition = z.infer<typeof kind>

export const pipelineDefinitionSchema = z.strictObject({
  name: z.string(),
  params: jsonSchema,
  on: z.array(triggerSchema),
})
export type PipelineDefinition = z.infer<typeof pipelineDefinitionSchema>

/** The part of a project's definition that this room reads. */
export const pipelinesDefinitionSchema = z.strictObject({
  pipelines: z.array(pipelineDefinitionSchema),
  steps: z.array(stepDefinitionSchema),
})
export type PipelinesDefinition = z.infer<typeof pipelinesDefinitionSchema>
