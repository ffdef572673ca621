import type { FeatureServiceSpec } from '../features/schema.ts'
import type { Queryable } from '../ports/db/db.ts'
import { listPinnedServices, listServiceUsers, type ServiceUser } from '../registry/registry.ts'
import { listActiveRollouts, listDeployments } from '../rollout/rollout.ts'

interface DeployedAs {
  deployment: string
  role: 'stable' | 'candidate' | 'previous'
}

/** A model version, and what it takes of a view, an on-demand feature or a service. */
export interface VersionUse extends ServiceUser {
  service: string
  deployments: DeployedAs[]
  /** The features that it takes. */
  features: string[]
  /** Of the view as it pins it; null for what is no view. */
  definitionHash: string | null
}

/** Who uses features: what each version that is not deleted pins, and where it is deployed. */
export interface Usage {
  users: readonly (ServiceUser & { deployments: DeployedAs[] })[]
  pinned: ReadonlyMap<string, { name: string; spec: FeatureServiceSpec }>
}

export async function readUsage(at: Queryable, projectId: string): Promise<Usage> {
  const roles = await rolesByVersion(at, projectId)
  const users = (await listServiceUsers(at, projectId)).map((user) => ({
    ...user,
    deployments: roles.get(user.modelVersionId) ?? [],
  }))
  const pinned = await listPinnedServices(at, projectId)
  return { users, pinned: pinned as unknown as Usage['pinned'] }
}

async function rolesByVersion(at: Queryable, projectId: string): Promise<Map<string, DeployedAs[]>> {
  const roles = new Map<string, DeployedAs[]>()
  const add = (id: string | undefined, as: DeployedAs): void => {
    if (id !== undefined) roles.set(id, [...(roles.get(id) ?? []), as])
  }
  for (const { name: deployment, stable, previous } of await listDeployments(at, projectId)) {
    add(stable?.id, { deployment, role: 'stable' })
    add(previous?.id, { deployment, role: 'previous' })
  }
  for (const { projectId: project, deployment, candidate } of await listActiveRollouts(at))
    if (project === projectId) add(candidate.id, { deployment, role: 'candidate' })
  return roles
}

/** The versions that use a view or an on-demand feature, newest first. */
export function usersOf({ users, pinned }: Usage, source: string): VersionUse[] {
  return users.flatMap((user) => {
    const service = pinned.get(user.serviceId)
    const features = service?.spec.features.filter((feature) => feature.source === source) ?? []
    if (!service || features.length === 0) return []
    const view = service.spec.views.find((each) => each.view === source)
    return [
      {
        ...user,
        service: service.name,
        features: features.map(({ name }) => name),
        definitionHash: view?.definitionHash ?? null,
      },
    ]
  })
}

/** The versions that pin a service of this name, whatever its content was then. */
export function usersOfService({ users, pinned }: Usage, name: string): VersionUse[] {
  return users.flatMap((user) => {
    const service = pinned.get(user.serviceId)
    if (service?.name !== name) return []
    const features = service.spec.features.map((feature) => feature.name)
    return [{ ...user, service: name, features, definitionHash: null }]
  })
}
