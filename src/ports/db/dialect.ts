import { sql, type Kysely, type RawBuilder, type SqlBool } from 'kysely'

export type DialectName = 'sqlite' | 'postgres'

/** What differs between the databases, as data; everything else is the same SQL. */
export const differences = {
  sqlite: {
    bytes: 'blob',
    skipLocked: false,
  },
  postgres: {
    bytes: 'bytea',
    skipLocked: true,
  },
} as const satisfies Record<DialectName, { bytes: 'blob' | 'bytea'; skipLocked: boolean }>

const POSTGRES_WALL_TIME_MS = sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`

/** The dialect that a connection or a transaction speaks. */
export function dialectOf<Tables>(at: Kysely<Tables>): DialectName {
  return at.getExecutor().adapter.supportsTransactionalDdl ? 'postgres' : 'sqlite'
}

/** Database wall time in milliseconds: what processes share for leases and audit rows. A SQLite file's is its machine's. */
export async function wallTime<Tables>(at: Kysely<Tables>): Promise<number> {
  if (dialectOf(at) === 'sqlite') return Date.now()
  const { rows } = await sql<{ now: number }>`SELECT ${POSTGRES_WALL_TIME_MS} AS now`.execute(at)
  return rows[0]!.now
}

/** The wall time as part of a statement. */
export function wallTimeSql<Tables>(at: Kysely<Tables>): RawBuilder<number> {
  return dialectOf(at) === 'sqlite' ? sql<number>`${Date.now()}` : POSTGRES_WALL_TIME_MS
}

/** Whether a column is one of a list, as one parameter: the statement is the same for any length of the list. */
export function isIn<Tables>(at: Kysely<Tables>, column: RawBuilder<unknown>, values: readonly string[]) {
  return dialectOf(at) === 'sqlite'
    ? sql<SqlBool>`${column} in (select value from json_each(${JSON.stringify(values)}))`
    : sql<SqlBool>`${column} = any(${values}::text[])`
}

/** The column type for bytes. */
export function bytes(dialect: DialectName): RawBuilder<unknown> {
  return sql.raw(differences[dialect].bytes)
}

/** True when an error says that a unique key exists already, on either database. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errcode } = error as Error & { code?: string; errcode?: number }
  const SQLITE_CONSTRAINT_UNIQUE = 2067
  const SQLITE_CONSTRAINT_PRIMARYKEY = 1555
  return code === '23505' || errcode === SQLITE_CONSTRAINT_UNIQUE || errcode === SQLITE_CONSTRAINT_PRIMARYKEY
}
