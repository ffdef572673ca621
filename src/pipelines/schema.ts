import { z } from 'zod'
import { hashJson } from '../kernel/json.ts'
import { pipelineDefinitionSchema } from '../steps/schema.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const json = z.json()

/** A committed output of a step, or a table or model from elsewhere: its content, addressed by hash. */
export const outputSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('table'), sha256: hash, parts: z.array(hash) }),
  z.strictObject({ kind: z.literal('model'), sha256: hash }),
  z.strictObject({ kind: z.literal('json'), sha256: hash, value: json }),
])
export type Output = z.infer<typeof outputSchema>
export type Outputs = Record<string, Output>

export function tableOutput(parts: readonly string[]): Output {
  return { kind: 'table', sha256: parts.length === 1 ? parts[0]! : hashJson(parts), parts: [...parts] }
}

/** The blobs that an output needs. */
export function blobsOf(output: Output): string[] {
  if (output.kind === 'json') return []
  return output.kind === 'table' ? output.parts : [output.sha256]
}

const runCauseSchema = z.strictObject({
  kind: z.enum(['on_demand', 'cron', 'new_data', 'drift', 'degraded']),
  sentence: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])),
})

const runStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
const stepStates = ['waiting', 'running', 'succeeded', 'failed', 'skipped', 'cancelled'] as const
export type RunState = (typeof runStates)[number]

export const pipelineRunSchema = z.object({
  id: z.string(),
  pipeline: z.string(),
  projectVersionId: z.string(),
  snapshot: hash,
  params: z.record(z.string(), json),
  cause: runCauseSchema,
  state: z.enum(runStates),
  error: z.string().nullable(),
  trackingRunId: z.string().nullable(),
  actor: z.string(),
  /** Domain time of the start. */
  atMs: z.number(),
  createdMs: z.number(),
  startedMs: z.number().nullable(),
  finishedMs: z.number().nullable(),
})
export type PipelineRun = z.infer<typeof pipelineRunSchema>

const stepRunSchema = z.object({
  id: z.string(),
  name: z.string(),
  stepId: z.string(),
  kind: z.string(),
  state: z.enum(stepStates),
  cached: z.boolean(),
  params: z.record(z.string(), json),
  /** Step runs whose outputs it takes. */
  inputs: z.array(z.string()),
  attempts: z.number(),
  outputs: z.record(z.string(), outputSchema),
  executionId: z.string().nullable(),
  trackingRunId: z.string().nullable(),
  error: z.string().nullable(),
  createdMs: z.number(),
  startedMs: z.number().nullable(),
  finishedMs: z.number().nullable(),
})
export type StepRun = z.infer<typeof stepRunSchema>

const pinSchema = z.object({
  kind: z.enum(['dataset', 'champion']),
  name: z.string(),
  value: z.record(z.string(), json),
})
export type Pin = z.infer<typeof pinSchema>

const effectSchema = z.object({
  id: z.string(),
  projectId: z.string(),
  runId: z.string(),
  kind: z.enum(['register', 'deploy']),
  input: z.object({
    /** The registered model, or the deployment. */
    name: z.string(),
    model: hash,
    /** The execution that gave the model; absent for a champion that was passed on. */
    executionId: z.string().optional(),
    challenger: z.boolean(),
    facts: z.record(z.string(), json),
    key: z.string().optional(),
  }),
  state: z.enum(['requested', 'done', 'failed']),
  result: z.record(z.string(), json).nullable(),
  createdMs: z.number(),
  finishedMs: z.number().nullable(),
})
export type Effect = z.infer<typeof effectSchema>

export const pipelineSchema = pipelineDefinitionSchema.extend({ projectVersionId: z.string() })
export type PipelineView = z.infer<typeof pipelineSchema>

/** Steps stand in the order of their calls. */
export const runViewSchema = z.object({
  run: pipelineRunSchema,
  steps: z.array(stepRunSchema),
  pins: z.array(pinSchema),
  effects: z.array(effectSchema),
})
export type RunView = z.infer<typeof runViewSchema>

export const stepLogSchema = z.object({
  text: z.string(),
  next: z.number().describe('Where to go on, in bytes'),
  complete: z.boolean().describe('True when the step has ended and nothing will be added'),
})
export type StepLogPart = z.infer<typeof stepLogSchema>

export const whySchema = z.object({
  sentence: z.string(),
  changes: z.array(z.string()),
  differences: z.array(
    z.object({
      part: z.string(),
      name: z.string(),
      from: z.string().nullable(),
      to: z.string().nullable(),
      sentence: z.string(),
    }),
  ),
  comparedTo: z.string().nullable().describe('The most similar earlier execution'),
})
export type Why = z.infer<typeof whySchema>
