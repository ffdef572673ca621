import { z } from 'zod'
import type { JsonObject } from '../kernel/json.ts'

export const decisionKinds = [
  'gate',
  'rollout',
  'alert',
  'trigger',
  'validation',
  'deploy',
  'promotion',
] as const
export type DecisionKind = (typeof decisionKinds)[number]

export const decisionSchema = z.object({
  id: z.string(),
  kind: z.enum(decisionKinds),
  subjectType: z.string(),
  subjectId: z.string(),
  verdict: z.string(),
  sentence: z.string(),
  rule: z.string(),
  numbers: z.record(z.string(), z.unknown()),
  inputs: z.record(z.string(), z.unknown()),
  codeVersion: z.string(),
  cause: z.string().nullable(),
  injected: z.boolean(),
  atMs: z.number(),
})
export type Decision = z.infer<typeof decisionSchema>

/** What can be commented on; the id is how its page names it: a run's id, `late/3` for a version. */
const subjectTypes = ['run', 'experiment', 'model', 'model_version', 'promotion', 'dataset'] as const
export const Subject = z.object({ subjectType: z.enum(subjectTypes), subjectId: z.string().min(1).max(600) })
export type Subject = z.infer<typeof Subject>

export const CommentBody = z.string().min(1).max(20_000).describe('Markdown')

export const Comment = Subject.extend({
  id: z.string(),
  author: z.string(),
  body: z.string().describe('Markdown; empty when it was deleted'),
  html: z.string().describe('The same as HTML that may stand in a page as it is'),
  createdMs: z.number(),
  editedMs: z.number().optional(),
  deletedMs: z.number().optional(),
  mayEdit: z.boolean().describe('Whether who asks may'),
  mayDelete: z.boolean(),
})
export type Comment = z.infer<typeof Comment>

/** What a person said of a subject as it was: `digest` names exactly what was looked at. */
export const Review = z.object({
  id: z.string(),
  reviewerId: z.string(),
  reviewer: z.string(),
  role: z.enum(['viewer', 'contributor', 'maintainer', 'admin']).describe('At that time'),
  isOwner: z.boolean().describe('Whether the subject was theirs at that time'),
  verdict: z.enum(['approved', 'declined']),
  body: z.string().describe('Markdown'),
  html: z.string(),
  digest: z.string(),
  createdMs: z.number(),
})
export type Review = z.infer<typeof Review>

export interface DecisionFilter {
  projectId: string
  kind?: string | undefined
  subjectType?: string | undefined
  subjectId?: string | undefined
  /** Domain time, from and up to. */
  fromMs?: number | undefined
  toMs?: number | undefined
  limit: number
  /** The id of the last decision of the page before. */
  before?: string | undefined
}

export interface RecordDecision {
  projectId: string
  kind: DecisionKind
  subjectType: string
  subjectId: string
  verdict: string
  /** For people: what was decided, on what numbers, with what interval and count. */
  sentence: string
  /** The rule by name and parameters. */
  rule: string
  numbers: JsonObject
  inputs: JsonObject
  /** What led to it: the id of an event, a run or another decision. */
  cause?: string
  /** True when what it reacts to was injected by a demonstration or a drill. */
  injected?: boolean
  /** Domain time. */
  atMs: number
}
