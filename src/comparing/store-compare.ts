import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import { inPieces } from '../ports/db/pieces.ts'
import type { RunRow } from '../tracking/tracking.ts'

const PREFIXES_AT_ONCE = 100

/** Runs by their ids, deleted ones too. */
export async function listRunRows(
  at: Queryable,
  projectId: string,
  ids: readonly string[],
): Promise<RunRow[]> {
  return await inPieces(ids, (piece) =>
    at.selectFrom('run').selectAll().where('project_id', '=', projectId).where('id', 'in', piece).execute(),
  )
}

/** Runs whose ids begin with one of these hex digits. `g` follows them in every collation. */
export async function listRunRowsByPrefix(
  at: Queryable,
  projectId: string,
  prefixes: readonly string[],
): Promise<RunRow[]> {
  const rows: RunRow[] = []
  for (let from = 0; from < prefixes.length; from += PREFIXES_AT_ONCE) {
    const ranges = prefixes
      .slice(from, from + PREFIXES_AT_ONCE)
      .map((prefix): RawBuilder<SqlBool> => sql`(id >= ${prefix} and id < ${`${prefix}g`})`)
    const piece = await at
      .selectFrom('run')
      .selectAll()
      .where('project_id', '=', projectId)
      .where(sql<SqlBool>`(${sql.join(ranges, sql` or `)})`)
      .execute()
    rows.push(...piece)
  }
  return rows
}
