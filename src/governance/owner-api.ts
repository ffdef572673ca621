import { ApiClient } from '../http/api-client.ts'
import { createApp } from '../http/app.ts'
import { inProject } from '../http/command.ts'
import type { Context } from '../http/context.ts'
import type { Route } from '../http/route.ts'
import { localOwner } from '../kernel/actor.ts'
import { resolveProject } from './projects.ts'

/** Routes over the data folder of this machine, without a server: whoever may read the folder is the owner. */
export function ownerApi(context: Context, routes: readonly Route[], project?: string): ApiClient {
  const app = createApp({
    context,
    routes,
    authenticate: () => localOwner,
    resolveProject: (name) => resolveProject(context, name),
  })
  return new ApiClient(inProject('http://localhost', project), { fetch: (request) => app.fetch(request) })
}
