import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { AppError, type ErrorCode } from '../kernel/errors.ts'
import { loadConfig, type Config } from '../kernel/config.ts'
import { ApiClient, readRunning } from './api-client.ts'
import { commandFailure } from './command-failure.ts'
import { tokenFor } from './stored-tokens.ts'

/** Exit codes, so that a script can tell why a command failed. 0 is done, 1 an internal error. */
export const EXIT_CODE = {
  internal: 1,
  invalid: 2,
  not_found: 3,
  already_exists: 4,
  conflict: 4,
  denied: 5,
  unauthenticated: 5,
  unavailable: 6,
} as const satisfies Record<ErrorCode, number>

export interface CommandOptions {
  json?: boolean
  project?: string
  server?: string
}

/** Adds what every command has: `--json`, and for those that talk to a server `--server` and `--project`. */
export function withServerOptions(command: Command): Command {
  return command
    .addOption(new Option('--server <url>', 'address of the server; default: the one of this folder'))
    .addOption(new Option('--project <name>', 'project to work in').default('default'))
    .addOption(new Option('--json', 'print JSON instead of text'))
}

export function currentConfig(overrides: Partial<Record<keyof Config, unknown>> = {}): Config {
  return loadConfig(process.cwd(), process.env, overrides)
}

/** The server that this folder's `up` runs, or the one named by `--server`. */
export function serverUrlOf({ server }: Pick<CommandOptions, 'server'>): string {
  if (server !== undefined) return server.replace(/\/$/, '')
  const config = currentConfig()
  return readRunning(config.dataDir)?.serverUrl ?? `http://${config.host}:${config.port}`
}

/** An address of a server below which everything belongs to the project. */
export function inProject(serverUrl: string, project = 'default'): string {
  return project === 'default' ? serverUrl : `${serverUrl}/p/${encodeURIComponent(project)}`
}

/** The API of that server, called with the token of the environment or of the last login. Asks first whose server it is where that is a guess. */
export function apiOf({ server, project }: CommandOptions): ApiClient {
  const url = serverUrlOf({ ...(server !== undefined && { server }) })
  const token = tokenFor(url, process.env)
  const authorization = token === undefined ? undefined : `Bearer ${token}`
  let known: Promise<void> | undefined
  return new ApiClient(inProject(url, project), {
    authorization,
    fetch: async (request) => {
      await (known ??= requireKnownServer({ ...(server !== undefined && { server }) }))
      return await fetch(request)
    },
  })
}

/** Throws `conflict` where no server was named, this folder's does not run, and that of another folder answers in its place. */
export async function requireKnownServer({ server }: Pick<CommandOptions, 'server'>): Promise<void> {
  const { dataDir } = currentConfig()
  if (server !== undefined || readRunning(dataDir) !== undefined) return
  const { requireOwnServer } = await import('./whose-server.ts')
  await requireOwnServer(serverUrlOf({}), { folder: process.cwd(), dataDir }, (sentence) =>
    process.stderr.write(`${sentence}\n`),
  )
}

export function print(options: CommandOptions, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value, undefined, 2) : text()}\n`)
}

/** Rows under a header, columns padded to their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A list for people: without the columns in which nothing stands, and a sentence where there is nothing to list. */
export function listing(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  nothing: string,
): string {
  if (rows.length === 0) return nothing
  const shown = header.map((_, column) => column === 0 || rows.some((row) => row[column] !== ''))
  const pick = (cells: readonly string[]): string[] => cells.filter((_, column) => shown[column])
  return table(pick(header), rows.map(pick))
}

/** What a query gave, as a table or as JSON. */
export function printRows(
  options: CommandOptions,
  { columns, rows }: { columns: readonly string[]; rows: readonly Record<string, unknown>[] },
): void {
  print(options, rows.map(plainRow), () =>
    columns.length === 0
      ? 'Done.'
      : table(
          columns,
          rows.map((row) => columns.map((name) => cellText(row[name]))),
        ),
  )
}

/** JSON has no integers beyond 2^53: they are printed as text. */
function plainRow(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  )
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Says what went wrong on standard error and sets the exit code. */
export function reportFailure(error: unknown, json: boolean): void {
  const known = commandFailure(error)
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ error: { code: known.code, message: known.message, details: known.details } })}\n`,
    )
  } else {
    process.stderr.write(`error: ${known.message}\n`)
    if (known.code === 'internal' && known.cause instanceof Error)
      process.stderr.write(`${known.cause.stack}\n`)
  }
  process.exitCode = EXIT_CODE[known.code]
}

/** `key=value` pairs; a value that is JSON is taken as such. */
export function parseAssignments(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new AppError('invalid', `${pair} is not of the form name=value`)
      const text = pair.slice(at + 1)
      try {
        return [pair.slice(0, at), JSON.parse(text) as unknown]
      } catch {
        return [pair.slice(0, at), text]
      }
    }),
  )
}

export function absolute(path: string): string {
  return resolve(process.cwd(), path)
}
