import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { holdFolder } from '../kernel/held-folder.ts'
import { randomIds } from '../kernel/ids.ts'
import { useTemporaryFolder } from '../kernel/temporary-folder.ts'
import { duckDbProcess } from '../ports/analytics/duckdb-process.ts'
import { lazyAnalytics } from '../ports/analytics/lazy.ts'
import { fileArtifacts } from '../ports/artifacts/files.ts'
import { DomainClock } from '../ports/db/domain-clock.ts'
import { migrate, requireCurrent } from '../ports/db/migrate.ts'
import { openDb } from '../ports/db/open.ts'
import { openOnline } from '../ports/online/open.ts'
import type { Context } from './context.ts'

/** A server answers many at once: what their looks at data need beyond this goes to disk. */
const SERVER_ANALYTICS_MEMORY = '1GB'

/** Opens what a process works with. The server migrates; every other role refuses a database of another version. */
export async function openContext(config: Config, role: string): Promise<Context> {
  const log = pino({ level: config.logLevel, base: { role } }, pino.destination({ dest: 2, sync: true }))
  const db = await openDb(config)
  try {
    await (role === 'server' ? migrate(db) : requireCurrent(db))
  } catch (error) {
    await db[Symbol.asyncDispose]()
    throw error
  }
  const folders = new AsyncDisposableStack()
  const temporary = folders.use(await holdFolder(join(config.dataDir, 'tmp')))
  const incoming = folders.use(await holdFolder(join(config.dataDir, 'artifacts/incoming')))
  folders.use(useTemporaryFolder(temporary.path, config))
  const clock = config.replay ? await DomainClock.open(db) : systemClock
  const analytics =
    role === 'server' ? duckDbProcess({ memoryLimit: SERVER_ANALYTICS_MEMORY }) : lazyAnalytics()
  const online = await openOnline(config)
  return {
    config,
    db,
    artifacts: fileArtifacts(join(config.dataDir, 'artifacts'), incoming.path),
    analytics,
    online,
    clock,
    ids: randomIds,
    log,
    async [Symbol.asyncDispose]() {
      if (clock instanceof DomainClock) clock[Symbol.dispose]()
      await analytics[Symbol.asyncDispose]()
      await online[Symbol.asyncDispose]()
      await db[Symbol.asyncDispose]()
      await folders[Symbol.asyncDispose]()
    },
  }
}

/** Whether something has worked with this data folder before. */
export function isUsed({ dataDir }: Pick<Config, 'dataDir'>): boolean {
  return ['artifacts', 'metadata.db'].some((name) => existsSync(join(dataDir, name)))
}

/** What is stored in a data folder, for a command that works without the server. Throws `not_found` where nothing is stored yet. */
export async function openStored(config: Config): Promise<Context> {
  if (!isUsed(config)) {
    throw new AppError(
      'not_found',
      `Nothing is stored in ${config.dataDir}. Run this in the folder of your \`tidemill up\`, or name the data folder with --data-dir.`,
    )
  }
  return await openContext(config, 'command')
}
