import { flushCompileCache } from 'node:module'
import { EXIT_CODE, reportFailure } from '../http/command.ts'
import { commandFailure } from '../http/command-failure.ts'
import type { Config } from '../kernel/config.ts'
import type { ErrorCode } from '../kernel/errors.ts'

/** What a role tells its supervisor once it works, or why it does not. */
export type Report = { ready: true; url?: string } | { failed: { code: ErrorCode; message: string } }

/**
 * Runs a role until it is told to stop: by a signal, or by the end of its supervisor, whose channel then closes.
 */
export async function runRole(
  name: string,
  config: Config,
  start: (config: Config) => Promise<AsyncDisposable & { url?: string }>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
    if (process.channel) process.once('disconnect', resolve)
  })
  // Code of projects that runs in this process has no business with its settings.
  for (const key of Object.keys(process.env)) if (key.startsWith('TIDEMILL_')) delete process.env[key]
  const role = await startOrEnd(config, start)
  const { url } = role
  await report({ ready: true, ...(url !== undefined && { url }) })
  if (!process.send)
    process.stdout.write(`The ${name} ${url === undefined ? 'runs' : `listens at ${url}`}.\n`)
  // Node writes what it compiled when a process ends in peace; one that is killed would leave the next start nothing.
  flushCompileCache()
  await stopped
  setTimeout(() => process.exit(0), 5_000).unref()
  await role[Symbol.asyncDispose]()
  process.exit(0)
}

/** A supervisor says what its role reported; without one, or where the stack is needed, the role says it itself. */
async function startOrEnd<Role>(config: Config, start: (config: Config) => Promise<Role>): Promise<Role> {
  try {
    return await start(config)
  } catch (error) {
    const { code, message } = commandFailure(error)
    await report({ failed: { code, message } })
    if (!process.send || code === 'internal') reportFailure(error, false)
    // What was opened before it failed may hold the process.
    process.exit(EXIT_CODE[code])
  }
}

function report(report: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(report, () => resolve())
    else resolve()
  })
}
