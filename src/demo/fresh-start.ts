import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Tables } from '../ports/db/schema.ts'
import { requireDemoFolder } from './folder.ts'
import { codeVersion } from '../governance/code-version.ts'

/** What a second telling takes over: what steps have computed, and the tracking runs that belong to it. */
const KEPT: ReadonlySet<string> = new Set<keyof Tables | 'migration'>([
  'migration',
  'project',
  'blob',
  'execution',
  'attempt',
  'artifact',
  'experiment',
  'experiment_counter',
  'experiment_tag',
  'run',
  'run_param',
  'run_tag',
  'run_word',
  'run_metric',
  'run_metric_latest',
  'run_dataset',
  'run_input',
  'run_model',
  'artifact_file',
  // A generation is never used twice, and the row is there from the first.
  'desired_state_head',
])

/**
 * Prepares the demo's folder: the example project, and an empty world in which only the results of steps are known
 * that an earlier telling computed. Tells what was there before.
 */
export async function startFresh(
  folder: string,
  example: string,
): Promise<'nothing' | 'results' | 'otherVersion'> {
  await requireDemoFolder(folder)
  const data = join(folder, 'data')
  const database = join(data, 'metadata.db')
  const marker = join(folder, 'version')
  const before = existsSync(database)
  const known = before && (await readFile(marker, 'utf8').catch(() => '')) === codeVersion
  if (known) {
    forget(database)
    for (const name of ['gateway', 'online.db', 'online.db-wal', 'online.db-shm', 'running.json', 'code']) {
      await rm(join(data, name), { recursive: true, force: true })
    }
  } else {
    await rm(data, { recursive: true, force: true })
  }
  const project = join(folder, 'project')
  await rm(project, { recursive: true, force: true })
  await mkdir(project, { recursive: true })
  await cp(example, project, { recursive: true, filter: (path) => !/node_modules|changes/.test(path) })
  await writeFile(marker, codeVersion)
  return known ? 'results' : before ? 'otherVersion' : 'nothing'
}

function forget(path: string): void {
  const database = new DatabaseSync(path)
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map((row) => String(row['name']))
  database.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE')
  for (const table of tables.filter((name) => !KEPT.has(name))) database.exec(`DELETE FROM "${table}"`)
  database.exec("DELETE FROM execution WHERE state <> 'succeeded'; COMMIT")
  database.close()
}
