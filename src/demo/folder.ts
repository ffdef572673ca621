import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { configSchema, type Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { lockDataDir } from '../supervisor/lock.ts'

/** What a demo keeps in its folder. */
const PARTS = new Set(['project', 'data', 'version'])

/** Throws `already_exists` for a folder that holds anything but a demo, `conflict` while a demo runs in it. */
export async function requireDemoFolder(folder: string): Promise<void> {
  const foreign = (await readdir(folder).catch(() => [])).find((name) => !PARTS.has(name))
  if (foreign !== undefined) {
    throw new AppError(
      'already_exists',
      `${folder} holds ${foreign}, which no demo put there; name another folder with --data-dir`,
    )
  }
  lockDataDir(join(folder, 'data'))[Symbol.dispose]()
}

/** Empties a demo's folder and makes it anew. */
export async function prepareDemoFolder(folder: string): Promise<{ project: string; dataDir: string }> {
  await requireDemoFolder(folder)
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
