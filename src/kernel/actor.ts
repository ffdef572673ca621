import { AppError } from './errors.ts'

/** Lowest first. */
export const roles = ['viewer', 'contributor', 'maintainer', 'admin'] as const
export type Role = (typeof roles)[number]

/**
 * What a route or a door asks for; each is held by one role and by every role above it. `record` is what a step needs while it runs: log to
 * runs of its own, register models, have the files of datasets.
 */
export type Permission = 'view' | 'record' | 'contribute' | 'maintain' | 'administer'

const LOWEST_ROLE = {
  view: 'viewer',
  record: 'contributor',
  contribute: 'contributor',
  maintain: 'maintainer',
  administer: 'admin',
} as const satisfies Record<Permission, Role>

/** Who calls. `grants` maps a project id, or `*` for all projects, to a role. */
export interface Actor {
  readonly id: string
  readonly kind: 'owner' | 'user' | 'token' | 'system' | 'step'
  readonly name: string
  readonly grants: Readonly<Record<string, Role>>
  /** Of a step that runs: where it may record, and the tracking run under which it does. */
  readonly step?: { readonly projectId: string; readonly runId: string }
}

/** Who calls, and in which project: part of the input of every door. */
export interface Caller {
  projectId: string
  actor: Actor
}

/** The single owner of a server that is bound to loopback and has no users yet. */
export const localOwner: Actor = { id: 'owner', kind: 'owner', name: 'owner', grants: { '*': 'admin' } }

/** A part of Tidemill that acts by itself, such as the rollout controller. */
export function systemActor(name: string): Actor {
  return { id: `system:${name}`, kind: 'system', name, grants: { '*': 'admin' } }
}

/** Nobody in particular: who calls without saying who. */
export const anonymous: Actor = { id: 'anonymous', kind: 'user', name: 'anonymous', grants: {} }

/** The role in a project; the one for all projects where that is higher. */
export function roleIn({ grants }: Pick<Actor, 'grants'>, projectId: string): Role | undefined {
  return higherRole(grants[projectId], grants['*'])
}

export function higherRole(a: Role | undefined, b: Role | undefined): Role | undefined {
  return rank(a) >= rank(b) ? a : b
}

export function lowerRole(a: Role | undefined, b: Role | undefined): Role | undefined {
  return rank(a) < rank(b) ? a : b
}

function rank(role: Role | undefined): number {
  return role === undefined ? -1 : roles.indexOf(role)
}

/** Whether a human being acts, also by a token of theirs. */
export function isPerson({ id, kind }: Pick<Actor, 'id' | 'kind'>): boolean {
  return kind === 'owner' || (kind !== 'system' && kind !== 'step' && id.startsWith('user:'))
}

export function isRoleAtLeast(role: Role, lowest: Role): boolean {
  return rank(role) >= rank(lowest)
}

export function mayActor(actor: Actor, permission: Permission, projectId: string): boolean {
  if (permission === 'record' && actor.step?.projectId === projectId) return true
  return rank(roleIn(actor, projectId)) >= rank(LOWEST_ROLE[permission])
}

/** Throws `denied` when the actor's role in the project is too low. */
export function requirePermission(actor: Actor, permission: Permission, projectId: string): void {
  if (mayActor(actor, permission, projectId)) return
  const where = projectId === '*' ? 'for all projects' : 'in the project'
  const needed =
    actor.kind === 'step'
      ? 'the token of a step reads its project, logs to runs of its own and registers models'
      : `it needs the role ${LOWEST_ROLE[permission]} ${where}`
  throw new AppError('denied', `${actor.name} may not do this: ${needed}`, {
    details: { permission, projectId },
  })
}
