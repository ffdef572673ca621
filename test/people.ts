import { localOwner, type Role } from '../src/kernel/actor.ts'
import type { Context } from '../src/http/context.ts'
import { setRole } from '../src/governance/grants.ts'
import { addProject } from '../src/governance/projects.ts'
import { addToken } from '../src/governance/tokens.ts'
import { addUser } from '../src/governance/users.ts'

/** The same context, where everybody must sign in. */
export function withSignIn<Some extends Context>(
  context: Some,
  config: Partial<Context['config']> = {},
): Some {
  return { ...context, config: { ...context.config, signIn: 'required', ...config } }
}

/** A user with roles by project id, and a token that gives all of them. */
export async function userWithToken(
  context: Pick<Context, 'db' | 'clock'>,
  name: string,
  roles: Readonly<Record<string, Role>>,
): Promise<{ id: string; token: string }> {
  const actor = localOwner
  await addUser(context, { actor, name })
  for (const [projectId, role] of Object.entries(roles))
    await setRole(context, { actor, projectId, type: 'user', name, role })
  return await addToken(context, {
    actor,
    user: name,
    name: 'test',
    role: 'admin',
    projectId: '*',
    expiresMs: null,
  })
}

export async function projectNamed(context: Pick<Context, 'db'>, name: string): Promise<string> {
  return (await addProject(context, { actor: localOwner, name })).id
}
