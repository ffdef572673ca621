import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../kernel/errors.ts'
import type { Config } from '../../kernel/config.ts'
import type { Db } from './db.ts'
import { prepareSqliteFile } from './migrate.ts'
import { openSqlite } from './sqlite.ts'

/** The client of PostgreSQL is loaded only where it is used. */
export async function openDb({ databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<Db> {
  if (databaseUrl === 'sqlite') {
    mkdirSync(dataDir, { recursive: true })
    const path = join(dataDir, 'metadata.db')
    prepareSqliteFile(path)
    return openSqlite(path)
  }
  if (/^postgres(ql)?:\/\//.test(databaseUrl)) {
    const { openPostgres } = await import('./postgres.ts')
    return openPostgres(databaseUrl)
  }
  throw new AppError('invalid', 'databaseUrl is neither `sqlite` nor a postgres:// address')
}
