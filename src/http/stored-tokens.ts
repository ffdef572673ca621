import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** API tokens by the address of their server, as `tidemill login` keeps them for this user alone. */
type Stored = Record<string, StoredToken>

export interface StoredToken {
  id: string
  token: string
}

/** The token for a server: that of the environment, else that of the last login. */
export function tokenFor(serverUrl: string, env: NodeJS.ProcessEnv): string | undefined {
  return env['TIDEMILL_TOKEN'] ?? read(tokensPath(env))[originOf(serverUrl)]?.token
}

/** Keeps the token for a server, or forgets it. Returns the one that was kept. */
export function storeToken(
  serverUrl: string,
  token: StoredToken | undefined,
  env: NodeJS.ProcessEnv,
): StoredToken | undefined {
  const path = tokensPath(env)
  const { [originOf(serverUrl)]: before, ...others } = read(path)
  const stored = token === undefined ? others : { ...others, [originOf(serverUrl)]: token }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.tmp`, JSON.stringify(stored, undefined, 2), { mode: 0o600 })
  chmodSync(`${path}.tmp`, 0o600)
  renameSync(`${path}.tmp`, path)
  return before
}

export function tokensPath(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'tidemill', 'tokens.json')
}

function originOf(serverUrl: string): string {
  return URL.canParse(serverUrl) ? new URL(serverUrl).origin : serverUrl
}

function read(path: string): Stored {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stored
  } catch {
    return {}
  }
}
