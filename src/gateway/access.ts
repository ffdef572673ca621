import { enterProject, resolveProject } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { mayActor, requirePermission, type Permission } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { GatewayCall, GatewayReply } from '../serving/serving.ts'
import type { ServingEngine } from '../serving/serving-engine.ts'

type Call = Pick<GatewayCall, 'method' | 'path'>
type Answer = (call: GatewayCall) => GatewayReply | Promise<GatewayReply>

/** What load balancers and clients ask before they know anything. */
const PUBLIC = new Set(['/health', '/ping', '/version', '/v2', '/v2/', '/v2/health/live', '/v2/health/ready'])

const CHANGES: Readonly<Record<string, Permission>> = {
  'POST /feedback': 'contribute',
  'POST /api/v1/predictions': 'contribute',
  'POST /push': 'contribute',
  'POST /write-to-online-store': 'contribute',
  'POST /materialize': 'contribute',
  'POST /materialize-incremental': 'contribute',
  'POST /control/flush': 'administer',
}

export function isPublic({ path }: Call): boolean {
  return PUBLIC.has(path)
}

function permissionOf({ method, path }: Call): Permission {
  return CHANGES[`${method} ${path}`] ?? 'view'
}

/** Counters and the log of a replay belong to no project. */
function isAcrossProjects({ path }: Call): boolean {
  return path === '/metrics' || path === '/control/flush'
}

/** Lets a call through to its answer when the actor's role in the project of the address is high enough. */
export function createAccess(
  context: Pick<Context, 'db'>,
  engine: ServingEngine,
): (call: GatewayCall, answer: Answer) => GatewayReply | Promise<GatewayReply> {
  return (call, answer) => {
    const permission = permissionOf(call)
    if (isPublic(call) || mayActor(call.actor, permission, '*')) return answer(call)
    if (isAcrossProjects(call)) requirePermission(call.actor, permission, '*')
    const projectId = engine.projectId(call.project)
    if (projectId === undefined) {
      return enterProject(context, call.project, call.actor).then((found) => {
        requirePermission(call.actor, permission, found)
        return answer(call)
      })
    }
    if (!mayActor(call.actor, 'view', projectId))
      throw new AppError('not_found', `There is no project ${call.project}`)
    requirePermission(call.actor, permission, projectId)
    return answer(call)
  }
}

/** What is served tells its project's id; for any other project the database is asked. */
export async function projectIdOf(
  context: Pick<Context, 'db'>,
  engine: ServingEngine,
  project: string,
): Promise<string> {
  return engine.projectId(project) ?? (await resolveProject(context, project))
}
