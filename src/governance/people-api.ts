import { readRunning, type ApiClient } from '../http/api-client.ts'
import { apiOf, currentConfig, type CommandOptions } from '../http/command.ts'

export interface PeopleOptions extends CommandOptions {
  dataDir?: string
}

/** Where people open links of this installation, and its API. */
interface PeopleApi extends AsyncDisposable {
  api: ApiClient
  url: string
}

/**
 * The API that the commands about people call: that of the server named by `--server`, else the same routes over the data folder of this
 * machine, where whoever may read the folder is the owner; the server need not run. Who only `reads` makes no data folder where there is none.
 */
export async function openPeople(options: PeopleOptions, { reads = false } = {}): Promise<PeopleApi> {
  if (options.server !== undefined)
    return { api: apiOf(options), url: options.server, async [Symbol.asyncDispose]() {} }
  const { isUsed, openContext, openStored } = await import('../http/open-context.ts')
  const { ownerApi } = await import('./owner-api.ts')
  const { peopleRoutes } = await import('./people-routes.ts')
  const { DEFAULT_PROJECT, ensureProject } = await import('./projects.ts')
  const { dataDir } = options
  const config = currentConfig(dataDir === undefined ? {} : { dataDir })
  const context = isUsed(config) || reads ? await openStored(config) : await openContext(config, 'server')
  const { db } = context
  await db.write(async (trx) => ensureProject(trx, { ...DEFAULT_PROJECT, nowMs: await db.wallTime(trx) }))
  const running = readRunning(config.dataDir)?.serverUrl
  return {
    api: ownerApi(context, peopleRoutes, options.project),
    url: config.publicUrl ?? running ?? `http://${config.host}:${config.port}`,
    [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
  }
}
