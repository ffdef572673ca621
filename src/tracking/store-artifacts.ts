import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import type { ArtifactEntry } from './schema.ts'
import type { ArtifactFileRow } from './tables.ts'

export async function upsertArtifactFile(trx: Trx, row: ArtifactFileRow): Promise<void> {
  const { sha256, size_bytes, created_ms } = row
  await trx
    .insertInto('artifact_file')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'path']).doUpdateSet({ sha256, size_bytes, created_ms }),
    )
    .execute()
}

export async function findArtifactFile(
  at: Queryable,
  projectId: string,
  path: string,
): Promise<ArtifactFileRow | undefined> {
  return await at
    .selectFrom('artifact_file')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('path', '=', path)
    .executeTakeFirst()
}

/** A file that stands where a folder of the path would be, or one below the path itself. */
export async function findArtifactInTheWay(
  at: Queryable,
  projectId: string,
  path: string,
): Promise<string | undefined> {
  const parts = path.split('/')
  const folders = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
  const row = await at
    .selectFrom('artifact_file')
    .select('path')
    .where('project_id', '=', projectId)
    .where((eb) => eb.or([...(folders.length > 0 ? [eb('path', 'in', folders)] : []), below(path)]))
    .limit(1)
    .executeTakeFirst()
  return row?.path
}

/** Paths of files below a folder. `/` is followed by `0`: they are the range [folder/, folder0). */
export function below(folder: string) {
  return folder === ''
    ? sql<boolean>`1 = 1`
    : sql<boolean>`path >= ${`${folder}/`} and path < ${`${folder}0`}`
}

/** The files and folders directly in a folder, by name; folders exist as long as there are files in them. */
export async function listArtifactEntries(
  at: Queryable,
  dialect: DialectName,
  { projectId, folder }: { projectId: string; folder: string },
): Promise<ArtifactEntry[]> {
  const start = folder === '' ? 1 : Array.from(folder).length + 2
  const rest = sql`substr(path, ${sql.lit(start)})`
  const slash = dialect === 'sqlite' ? sql`instr(${rest}, '/')` : sql`strpos(${rest}, '/')`
  const { rows } = await sql<{ name: string; nested: number; size_bytes: number }>`
    select name, nested, max(size_bytes) as size_bytes from (
      select case when ${slash} > 0 then substr(${rest}, 1, ${slash} - 1) else ${rest} end as name,
        case when ${slash} > 0 then 1 else 0 end as nested, size_bytes
      from artifact_file where project_id = ${projectId} and ${below(folder)}) entries
    group by name, nested order by name`.execute(at)
  return rows.map(({ name, nested, size_bytes }) => ({
    path: folder === '' ? name : `${folder}/${name}`,
    isDirectory: nested === 1,
    ...(nested === 0 && { sizeBytes: size_bytes }),
  }))
}

/** A file itself, or all files below a folder, by path. */
export async function listArtifactFileRows(
  at: Queryable,
  projectId: string,
  path: string,
): Promise<ArtifactFileRow[]> {
  return await at
    .selectFrom('artifact_file')
    .selectAll()
    .where('project_id', '=', projectId)
    .where((eb) => eb.or([eb('path', '=', path), below(path)]))
    .orderBy('path')
    .execute()
}

/** Deletes one file, or everything in a folder. Returns how many files that were. */
export async function deleteArtifactFiles(trx: Trx, projectId: string, path: string): Promise<number> {
  const result = await trx
    .deleteFrom('artifact_file')
    .where('project_id', '=', projectId)
    .where((eb) => eb.or([eb('path', '=', path), below(path)]))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Every blob that artifacts refer to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at.selectFrom('artifact_file').select('sha256').distinct().execute()
  return rows.map((row) => row.sha256)
}
