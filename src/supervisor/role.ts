import { flushCompileCache } from 'node:module'
import type { Config } from '../kernel/config.ts'

/** When a role has come to rest after its start. */
const RESTS_AFTER_MS = 3_000

/** What a role tells its supervisor once it works. */
export interface Ready {
  ready: true
  url?: string
}

/**
 * Runs a role until it is told to stop: by a signal, or by the end of its supervisor, whose channel then closes.
 */
export async function runRole(
  config: Config,
  start: (config: Config) => Promise<AsyncDisposable & { url?: string }>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
    if (process.channel) process.once('disconnect', resolve)
  })
  // Code of projects that runs in this process has no business with its settings.
  for (const name of Object.keys(process.env)) if (name.startsWith('TIDEMILL_')) delete process.env[name]
  const role = await start(config)
  const ready: Ready = { ready: true, ...(role.url !== undefined && { url: role.url }) }
  process.send?.(ready)
  // Node writes what it compiled when a process ends in peace; one that is killed would leave the next start nothing.
  setTimeout(flushCompileCache, RESTS_AFTER_MS).unref()
  await stopped
  setTimeout(() => process.exit(0), 5_000).unref()
  await role[Symbol.asyncDispose]()
  process.exit(0)
}
