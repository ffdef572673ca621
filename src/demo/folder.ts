import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { configSchema, type Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'

/** What a demo keeps in its folder. */
const PARTS = new Set(['project', 'data'])

/** Empties a demo's folder and makes it anew. Throws `already_exists` for a folder that holds anything else. */
export async function prepareDemoFolder(folder: string): Promise<{ project: string; dataDir: string }> {
  const foreign = (await readdir(folder).catch(() => [])).find((name) => !PARTS.has(name))
  if (foreign !== undefined) {
    throw new AppError(
      'already_exists',
      `${folder} holds ${foreign}, which no demo put there; name another folder with --data-dir`,
    )
  }
  const [project, dataDir] = [join(folder, 'project'), join(folder, 'data')]
  for (const part of [project, dataDir]) await rm(part, { recursive: true, force: true })
  await mkdir(project, { recursive: true })
  return { project, dataDir }
}

export function demoConfig(dataDir: string, env: NodeJS.ProcessEnv): Config {
  return configSchema.parse({
    dataDir,
    replay: true,
    logLevel: env['TIDEMILL_LOG_LEVEL'] ?? 'error',
    port: env['TIDEMILL_PORT'] ?? 8433,
    gatewayPort: env['TIDEMILL_GATEWAY_PORT'] ?? 8434,
  })
}
