import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openDb } from '../src/ports/db/open.ts'
import { freshPostgres, POSTGRES_TEMPLATE, prepareDatabase, SQLITE_TEMPLATE } from './databases.ts'

/**
 * Once in each run of tests: migrated databases of which every test gets a copy, which takes a tenth of the time that migrating does.
 * The environment tells of them, so that processes which a test starts find them too.
 */
export async function setup(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-template-'))
  await fill('sqlite', dataDir)
  const file = join(dataDir, 'template.db')
  // One whole file: the database's own may have its newest pages in the log beside it.
  const database = new DatabaseSync(join(dataDir, 'metadata.db'))
  database.prepare('VACUUM INTO ?').run(file)
  database.close()
  process.env[SQLITE_TEMPLATE] = file
  const server = process.env['DB_POSTGRES_URL']
  const postgres = server ? await freshPostgres(server) : undefined
  if (postgres) {
    await fill(postgres.url, dataDir)
    process.env[POSTGRES_TEMPLATE] = postgres.name
  }
  return async () => {
    rmSync(dataDir, { recursive: true })
    await postgres?.drop()
  }
}

async function fill(databaseUrl: string, dataDir: string): Promise<void> {
  await using db = await openDb({ databaseUrl, dataDir })
  await prepareDatabase(db)
}
