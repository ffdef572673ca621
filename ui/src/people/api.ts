import { queryOptions } from '@tanstack/react-query'
import type { AuditItem, Seal } from '../../../src/governance/audit-schema.ts'
import type { Grant, Team, Token, User } from '../../../src/governance/people-schema.ts'
import type { AuditState } from '../../../src/server/schema.ts'
import type { Page } from '../answers.ts'
import { at, post, request, search, send } from '../api.ts'

export const roles = ['viewer', 'contributor', 'maintainer', 'admin'] as const satisfies readonly Role[]

export type { AuditItem, Seal } from '../../../src/governance/audit-schema.ts'
export type { Grant, Team, Token, User } from '../../../src/governance/people-schema.ts'
export type { AuditState } from '../../../src/server/schema.ts'
export type Role = Grant['role']

export interface Me {
  id: string
  /** `owner` where nobody has to sign in. */
  kind: 'owner' | 'user' | 'token' | 'step' | 'system'
  name: string
  /** By project id; `*` is all projects. */
  grants: Record<string, Role>
}

function ask<T>(path: string) {
  return queryOptions({ queryKey: ['people', path], queryFn: () => request<T>(path) })
}

export const me = () => ask<Me>('/me')
export const signInOptions = () => ask<{ required: boolean; openId: boolean }>('/sign-in')
export const projects = () => ask<Page<{ name: string; role: Role }>>('/projects')
export const users = () => ask<Page<User>>('/users')
export const teams = () => ask<Page<Team>>('/teams')
export const tokens = () => ask<Page<Token>>('/tokens')

export const signIn = (name: string, password: string) =>
  post<{ name: string }>('/sign-in', { name, password })
export const signOut = () => post<object>('/sign-out')
export const readInvite = (secret: string) => post<{ name: string }>('/invites/read', { secret })
export const acceptInvite = (secret: string, password: string) =>
  post<{ name: string }>('/invites/accept', { secret, password })
export const changePassword = (current: string, password: string) =>
  post<object>('/me/password', { current, password })

export const addToken = (body: { name: string; role: Role; project: string; expiresMs: number | null }) =>
  post<{ id: string; token: string }>('/tokens', body)
export const removeToken = (id: string) => send<object>('DELETE', `/tokens/${at(id)}`)

export const addUser = (name: string) => post<object>('/users', { name })
export const invite = (name: string) => post<{ secret: string }>(`/users/${at(name)}/invite`)
export const setDisabled = (name: string, disabled: boolean) =>
  send<object>('PATCH', `/users/${at(name)}`, { disabled })
export const addTeam = (name: string) => post<object>('/teams', { name })
export const setMember = (team: string, user: string, member: boolean) =>
  send<object>(member ? 'PUT' : 'DELETE', `/teams/${at(team)}/members/${at(user)}`)
export const setRole = (
  holder: { type: 'user' | 'team'; name: string },
  body: { role: Role | null; everywhere: boolean },
) => send<object>('PUT', `/members/${holder.type}/${at(holder.name)}`, body)

export const auditLog = (query: Record<string, string | number | undefined>) =>
  ask<Page<AuditItem>>(`/audit${search(query)}`)
export const auditState = (atMs: number) => ask<AuditState>(`/audit/state?atMs=${atMs}`)
export const auditSeal = () => ask<Seal>('/audit/seal')
