import { z } from 'zod'
import { isSignInRequired } from '../http/caller.ts'
import type { Context } from '../http/context.ts'
import { readCookie, SESSION_COOKIE } from '../http/credentials.ts'
import { listOf, route } from '../http/route.ts'
import { roles, type Actor } from '../kernel/actor.ts'
import { hasOpenId } from './openid.ts'
import { listMembers, setRole } from './grants.ts'
import { acceptInvite, changePassword, invite, readInvite } from './invites.ts'
import {
  memberSchema,
  password,
  projectName,
  role,
  teamName,
  teamSchema,
  tokenSchema,
  userName,
  userSchema,
} from './people-schema.ts'
import { addProject, listProjects, resolveProject } from './projects.ts'
import { beginSession, endSession, sessionCookie } from './sessions.ts'
import { checkPassword } from './sign-in.ts'
import { addTeam, listTeams, removeTeam, setMembership } from './teams.ts'
import { addToken, listTokens, removeToken } from './tokens.ts'
import { addUser, listUsers, setDisabled } from './users.ts'

const named = z.object({ name: z.string() })
const done = z.object({})
const secret = z.string().min(1).max(200)
const grants = z.record(z.string(), z.enum(roles)).describe('roles by project id; `*` is all projects')

const signInRoutes = [
  route({
    method: 'GET',
    path: '/sign-in',
    summary: 'How people sign in here',
    permission: 'public',
    response: z.object({ required: z.boolean(), openId: z.boolean() }),
    async handle({ context: { config } }) {
      return { required: isSignInRequired(config), openId: hasOpenId(config) }
    },
  }),
  route({
    method: 'POST',
    path: '/sign-in',
    summary: 'Begins a session: the answer sets its cookie',
    permission: 'public',
    body: z.strictObject({ name: z.string().min(1).max(200), password: z.string().min(1).max(1000) }),
    response: named,
    async handle({ context, body, address }) {
      const { id: userId, name } = await checkPassword(context, { ...body, address })
      const session = await context.db.write((trx) =>
        beginSession(trx, { userId, name, how: 'password', address }),
      )
      return withSession(context, { name }, session)
    },
  }),
  route({
    method: 'POST',
    path: '/sign-out',
    summary: 'Ends the session of the cookie',
    permission: 'public',
    body: z.strictObject({}),
    response: done,
    async handle({ context, request }) {
      const session = readCookie(request.headers.get('cookie') ?? undefined, SESSION_COOKIE)
      if (session !== undefined) await endSession(context, session)
      return withSession(context, {})
    },
  }),
  route({
    method: 'POST',
    path: '/invites/read',
    summary: 'Whom an invite is for',
    permission: 'public',
    body: z.strictObject({ secret }),
    response: z.object({ name: z.string(), expiresMs: z.number() }),
    handle: ({ context, body }) => readInvite(context, body),
  }),
  route({
    method: 'POST',
    path: '/invites/accept',
    summary: 'Sets the password of who is invited, and begins a session',
    permission: 'public',
    body: z.strictObject({ secret, password }),
    response: named,
    async handle({ context, body, address }) {
      const { name, session } = await acceptInvite(context, { ...body, address })
      return withSession(context, { name }, session)
    },
  }),
]

function withSession({ config }: Context, answer: object, session?: string): Response {
  return Response.json(answer, { headers: { 'set-cookie': sessionCookie(config, session) } })
}

const ownRoutes = [
  route({
    method: 'GET',
    path: '/me',
    summary: 'Who calls, with the roles',
    permission: 'signed_in',
    response: z.object({ id: z.string(), kind: z.string(), name: z.string(), grants }),
    handle: async ({ actor: { id, kind, name, grants: own } }) => ({ id, kind, name, grants: { ...own } }),
  }),
  route({
    method: 'POST',
    path: '/me/password',
    summary: 'Changes the own password, and ends all other sessions',
    permission: 'signed_in',
    body: z.strictObject({ current: z.string().max(1000), password }),
    response: done,
    async handle({ context, actor, body, address }) {
      const { session } = await changePassword(context, { ...body, actor, address })
      return withSession(context, {}, session)
    },
  }),
  route({
    method: 'GET',
    path: '/tokens',
    summary: 'API tokens that hold, newest first: the own ones, or everybody’s for an admin of all projects',
    permission: 'signed_in',
    query: z.strictObject({ everybody: z.enum(['true', 'false']).default('false') }),
    response: listOf(tokenSchema),
    async handle({ context, actor, query }) {
      return { items: await listTokens(context, { actor, everybody: query.everybody === 'true' }) }
    },
  }),
  route({
    method: 'POST',
    path: '/tokens',
    summary: 'Makes an API token and shows it, this once',
    permission: 'signed_in',
    body: z.strictObject({
      name: z.string().trim().min(1).max(100),
      user: userName.optional().describe('whose it is; only an admin of all projects may name another user'),
      role: role.default('contributor').describe('the highest role that it gives'),
      project: z.string().default('*').describe('the only project it reaches; `*` for all of its user’s'),
      expiresMs: z.int().nullable().default(null),
    }),
    response: z.object({ id: z.string(), token: z.string() }),
    async handle({ context, actor, body: { project, ...token } }) {
      return await addToken(context, { ...token, actor, projectId: await scopeOf(context, project) })
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/:id',
    summary: 'Revokes an API token',
    permission: 'signed_in',
    params: z.object({ id: z.string() }),
    response: done,
    async handle({ context, actor, params }) {
      await removeToken(context, { actor, id: params.id })
      return {}
    },
  }),
  route({
    method: 'GET',
    path: '/projects',
    summary: 'The projects in which who calls has a role',
    permission: 'signed_in',
    response: listOf(z.object({ name: z.string(), role, createdMs: z.number() })),
    handle: async ({ context, actor }) => ({ items: await listProjects(context, { actor }) }),
  }),
]

function scopeOf(context: Context, project: string): Promise<string> | string {
  return project === '*' ? '*' : resolveProject(context, project)
}

const userRoutes = [
  route({
    method: 'POST',
    path: '/projects',
    summary: 'Adds a project; needs the role admin for all projects',
    permission: 'signed_in',
    body: z.strictObject({ name: projectName }),
    response: z.object({ id: z.string() }),
    handle: ({ context, actor, body }) => addProject(context, { actor, ...body }),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'Everybody who may sign in, with the roles that who calls administers',
    permission: 'administer',
    response: listOf(userSchema),
    handle: async ({ context, actor, projectId }) => ({
      items: await listUsers(context, { actor, projectId }),
    }),
  }),
  route({
    method: 'POST',
    path: '/users',
    summary: 'Adds a user, who has no role and can’t sign in before an invite',
    permission: 'signed_in',
    body: z.strictObject({ name: userName, email: z.email().toLowerCase().optional() }),
    response: done,
    async handle({ context, actor, body }) {
      await addUser(context, { actor, ...body })
      return {}
    },
  }),
  route({
    method: 'PATCH',
    path: '/users/:name',
    summary: 'Disables a user and ends all sessions, or enables again',
    permission: 'signed_in',
    params: named,
    body: z.strictObject({ disabled: z.boolean() }),
    response: done,
    async handle({ context, actor, params, body }) {
      await setDisabled(context, { actor, ...params, ...body })
      return {}
    },
  }),
  route({
    method: 'POST',
    path: '/users/:name/invite',
    summary:
      'A secret by which the user sets a password, once, within a week: the page /invite#<secret> takes it',
    permission: 'signed_in',
    params: named,
    body: z.strictObject({}),
    response: z.object({ secret: z.string(), expiresMs: z.number() }),
    handle: ({ context, actor, params }) => invite(context, { actor, ...params }),
  }),
]

const teamRoutes = [
  route({
    method: 'GET',
    path: '/teams',
    summary: 'Teams with their members and roles',
    permission: 'signed_in',
    response: listOf(teamSchema),
    handle: async ({ context, actor }) => ({ items: await listTeams(context, { actor }) }),
  }),
  route({
    method: 'POST',
    path: '/teams',
    summary: 'Adds a team',
    permission: 'signed_in',
    body: z.strictObject({ name: teamName }),
    response: done,
    async handle({ context, actor, body }) {
      await addTeam(context, { actor, ...body })
      return {}
    },
  }),
  route({
    method: 'DELETE',
    path: '/teams/:name',
    summary: 'Removes a team with its roles',
    permission: 'signed_in',
    params: named,
    response: done,
    async handle({ context, actor, params }) {
      await removeTeam(context, { actor, ...params })
      return {}
    },
  }),
  ...(['PUT', 'DELETE'] as const).map((method) =>
    route({
      method,
      path: '/teams/:name/members/:user',
      summary: method === 'PUT' ? 'Puts a user into a team' : 'Takes a user out of a team',
      permission: 'signed_in',
      params: z.object({ name: z.string(), user: z.string() }),
      response: done,
      async handle({ context, actor, params }) {
        await setMembership(context, { actor, ...params, member: method === 'PUT' })
        return {}
      },
    }),
  ),
]

const holder = z.object({ type: z.enum(['user', 'team']), name: z.string() })
const everywhere = z.boolean().default(false).describe('for all projects, instead of this one')

const memberRoutes = [
  route({
    method: 'GET',
    path: '/members',
    summary: 'Who has a role in the project',
    permission: 'view',
    response: listOf(memberSchema),
    handle: async ({ context, actor, projectId }) => ({
      items: await listMembers(context, { actor, projectId }),
    }),
  }),
  route({
    method: 'PUT',
    path: '/members/:type/:name',
    summary: 'Gives a user or a team a role in the project; `null` takes it away',
    permission: 'administer',
    params: holder,
    body: z.strictObject({ role: role.nullable(), everywhere }),
    response: done,
    async handle({ context, actor, projectId, params, body }) {
      await setRole(context, scoped(actor, projectId, { ...params, ...body }))
      return {}
    },
  }),
]

function scoped<Input extends { everywhere: boolean }>(actor: Actor, projectId: string, input: Input) {
  const { everywhere: all, ...rest } = input
  return { ...rest, actor, projectId: all ? '*' : projectId }
}

export const peopleRoutes = [...signInRoutes, ...ownRoutes, ...userRoutes, ...teamRoutes, ...memberRoutes]
