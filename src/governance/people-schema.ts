import { z } from 'zod'
import { roles } from '../kernel/actor.ts'

/** Names that the audit log gives to who is no user. */
const RESERVED = ['owner', 'anonymous', 'system']

export const userName = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9][a-z0-9._@+-]{0,99}$/, 'A name has letters, digits and . _ @ + -')
  .refine((name) => !RESERVED.includes(name), 'This name is reserved')
export const teamName = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'A name has letters, digits and . _ -')
export const projectName = z
  .string()
  .trim()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'A name has lower-case letters, digits and . _ -')

const MIN_PASSWORD = 12
export const password = z
  .string()
  .min(MIN_PASSWORD, `A password has at least ${MIN_PASSWORD} characters`)
  .max(1000)

export const role = z.enum(roles)

/** A role in a project by its name; in all projects by `*`. */
const grantSchema = z.object({ project: z.string(), role })
export type Grant = z.infer<typeof grantSchema>

export const userSchema = z.object({
  name: z.string(),
  email: z.string().nullable(),
  /** Can sign in; was invited and has not come yet; may not sign in any more. */
  state: z.enum(['active', 'invited', 'disabled']),
  grants: z.array(grantSchema),
  teams: z.array(z.string()),
  createdMs: z.number(),
})
export type User = z.infer<typeof userSchema>

export const teamSchema = z.object({
  name: z.string(),
  members: z.array(z.string()),
  grants: z.array(grantSchema),
})
export type Team = z.infer<typeof teamSchema>

export const memberSchema = z.object({
  type: z.enum(['user', 'team']),
  name: z.string(),
  role,
  everywhere: z.boolean().describe('true when it comes from a role for all projects'),
})
export type Member = z.infer<typeof memberSchema>

export const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  user: z.string(),
  project: z.string().describe('`*` for all that its user may enter'),
  role,
  createdMs: z.number(),
  expiresMs: z.number().nullable(),
  usedMs: z.number().nullable().describe('to the minute; null when it was never used'),
})
export type Token = z.infer<typeof tokenSchema>
