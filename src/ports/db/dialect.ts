import { sql, type Kysely, type RawBuilder } from 'kysely'

export type DialectName = 'sqlite' | 'postgres'

/** What differs between the databases, as data; everything else is the same SQL. */
export const differences = {
  sqlite: {
    bytes: 'blob',
    wallTimeMs: sql<number>`cast((julianday('now') - 2440587.5) * 86400000.0 as integer)`,
    skipLocked: false,
  },
  postgres: {
    bytes: 'bytea',
    wallTimeMs: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
    skipLocked: true,
  },
} as const satisfies Record<
  DialectName,
  { bytes: 'blob' | 'bytea'; wallTimeMs: RawBuilder<number>; skipLocked: boolean }
>

/** The dialect that a connection or a transaction speaks. */
function dialectOf<Tables>(at: Kysely<Tables>): DialectName {
  return at.getExecutor().adapter.supportsTransactionalDdl ? 'postgres' : 'sqlite'
}

/** Database wall time in milliseconds: what processes share for leases and audit rows. */
export async function wallTime<Tables>(at: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ now: number }>`SELECT ${differences[dialectOf(at)].wallTimeMs} AS now`.execute(
    at,
  )
  return rows[0]!.now
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
