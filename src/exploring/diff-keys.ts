import { AppError } from '../kernel/errors.ts'
import { parquetScan, quoteIdentifier } from '../ports/analytics/analytics.ts'
import { mergeSchemas } from '../sources/sources.ts'
import { comparableParts, loadManifest, partsOnlyIn } from '../data/data.ts'
import type { DatasetVersion, Manifest } from '../data/schema.ts'
import type { Reach } from './reach.ts'

export interface KeyDiff {
  key: string[]
  /** Keys that only the later, only the earlier version has; that both have with other rows; with equal rows among the parts that were compared. */
  added: number
  removed: number
  changed: number
  /** Keys with several rows in a version. */
  repeated: number
  /** Of the changed keys, in how many each column differs. */
  columns: { name: string; changed: number }[]
  examples: { key: Record<string, string | null>; change: 'added' | 'removed' | 'changed' }[]
}

const EXAMPLES = 10

/**
 * Which keys came, went or changed between two versions. Rows of a key are compared by hash, as a bag. Parts that both versions have are
 * looked up only for the keys of the others. DuckDB spills to disk what does not fit in memory.
 */
export async function diffKeys(
  reach: Pick<Reach, 'artifacts' | 'analytics'>,
  before: DatasetVersion,
  after: DatasetVersion,
  key: readonly string[],
): Promise<KeyDiff> {
  for (const version of [before, after]) requireColumns(version, key)
  const [old, now] = [await loadManifest(reach, before), await loadManifest(reach, after)]
  const parts = await comparableParts(reach, before, after)
  const { only: removed, shared } = partsOnlyIn(parts.before, parts.after)
  const { only: added } = partsOnlyIn(parts.after, parts.before)
  const others = after.schema
    .map(({ name }) => name)
    .filter((name) => !key.includes(name) && before.schema.some((column) => column.name === name))
  const keys = key.map(quoteIdentifier)
  await using session = await reach.analytics.session()
  // In types that hold the values of both versions.
  const types = mergeSchemas([old.schema, now.schema])
  const grouped = async (parts: Manifest['parts'], { schema }: Manifest): Promise<string> => {
    const hashes = others.map(
      (name, index) => `sum(hash(CAST(${quoteIdentifier(name)} AS VARCHAR))::HUGEINT) AS s${index}`,
    )
    return `SELECT ${[...keys, 'count(*) AS n', ...hashes].join(', ')} FROM (${await scan(reach, parts, typed(schema))}) GROUP BY ALL`
  }
  const typed = (schema: Manifest['schema']): Manifest['schema'] =>
    schema.map(({ name }) => types.find((column) => column.name === name)!)
  const same = keys.map((name) => `a.${name} IS NOT DISTINCT FROM b.${name}`).join(' AND ')
  const joined = keys.map((name) => `coalesce(a.${name}, b.${name}) AS ${name}`)
  const differs = others.map((_, index) => `a.s${index} IS DISTINCT FROM b.s${index} AS d${index}`)
  await session.execute(
    `CREATE TEMP TABLE __keys AS SELECT ${[...joined, ...differs, 'a.n AS a_n', 'b.n AS b_n'].join(', ')}
     FROM (${await grouped(removed, old)}) a FULL JOIN (${await grouped(added, now)}) b ON ${same}`,
  )
  const inShared = keys.map((name) => `s.${name} IS NOT DISTINCT FROM k.${name}`).join(' AND ')
  const anyDiffers = ['a_n IS DISTINCT FROM b_n', ...others.map((_, index) => `d${index}`)].join(' OR ')
  await session.execute(
    `CREATE TEMP TABLE __diff AS SELECT k.*, CASE
       WHEN k.a_n IS NOT NULL AND k.b_n IS NOT NULL THEN CASE WHEN ${anyDiffers} THEN 'changed' ELSE 'same' END
       WHEN s.n IS NOT NULL THEN 'changed' WHEN k.a_n IS NULL THEN 'added' ELSE 'removed' END AS change,
       coalesce(s.n, 0) + greatest(coalesce(k.a_n, 0), coalesce(k.b_n, 0)) AS most
     FROM __keys k LEFT JOIN (SELECT ${[...keys, 'count(*) AS n'].join(', ')} FROM (${await scan(reach, shared, typed(now.schema))}) t
       WHERE EXISTS (SELECT 1 FROM __keys k WHERE ${keys.map((name) => `t.${name} IS NOT DISTINCT FROM k.${name}`).join(' AND ')}) GROUP BY ALL) s ON ${inShared}`,
  )
  const perColumn = others.map(
    (_, index) => `count(*) FILTER (WHERE change = 'changed' AND d${index}) AS c${index}`,
  )
  const [row] = await session.query(
    `SELECT ${['added', 'removed', 'changed'].map((change) => `count(*) FILTER (WHERE change = '${change}') AS ${change}`).join(', ')},
       count(*) FILTER (WHERE most > 1) AS repeated ${perColumn.map((count) => `, ${count}`).join('')} FROM __diff`,
  )
  const shown = key.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`)
  const examples = await session.query(
    `SELECT ${shown.join(', ')}, change AS __change FROM __diff WHERE change <> 'same' ORDER BY ${keys.join(', ')} LIMIT ${EXAMPLES}`,
  )
  return {
    key: [...key],
    added: Number(row!['added']),
    removed: Number(row!['removed']),
    changed: Number(row!['changed']),
    repeated: Number(row!['repeated']),
    columns: others
      .map((name, index) => ({ name, changed: Number(row![`c${index}`]) }))
      .filter(({ changed }) => changed > 0)
      .sort((a, b) => b.changed - a.changed),
    examples: examples.map(({ __change, ...values }) => ({
      key: values as Record<string, string | null>,
      change: __change as KeyDiff['examples'][number]['change'],
    })),
  }
}

function requireColumns({ dataset, number, schema }: DatasetVersion, key: readonly string[]): void {
  const names = schema.map(({ name }) => name)
  const missing = key.filter((name) => !names.includes(name))
  if (missing.length === 0) return
  throw new AppError(
    'invalid',
    `${dataset}@${number} has no column ${missing.join(', ')}; it has ${names.join(', ')}`,
  )
}

async function scan(
  { artifacts }: Pick<Reach, 'artifacts'>,
  parts: Manifest['parts'],
  schema: Manifest['schema'],
): Promise<string> {
  const columns = schema.map(({ name, type }) => {
    const value = parts.length === 0 ? 'NULL' : quoteIdentifier(name)
    return `CAST(${value} AS ${type}) AS ${quoteIdentifier(name)}`
  })
  if (parts.length === 0) return `SELECT ${columns.join(', ')} WHERE false`
  const paths = await Promise.all(parts.map(({ sha256 }) => artifacts.localPath(sha256)))
  return `SELECT ${columns.join(', ')} FROM ${parquetScan(paths)}`
}
