import { AppError } from '../kernel/errors.ts'
import { parquetScan, quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
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
  const others = after.schema
    .map(({ name }) => name)
    .filter((name) => !key.includes(name) && before.schema.some((column) => column.name === name))
  await using session = await reach.analytics.session()
  await gatherKeys(session, await scansOf(reach, before, after), { keys: key.map(quoteIdentifier), others })
  return {
    key: [...key],
    ...(await countChanges(session, others)),
    examples: await exampleKeys(session, key),
  }
}

/** SQL over the rows of parts that only one version has, and of those that both have. */
async function scansOf(
  reach: Pick<Reach, 'artifacts'>,
  before: DatasetVersion,
  after: DatasetVersion,
): Promise<Record<'removed' | 'added' | 'shared', string>> {
  const [old, now] = [await loadManifest(reach, before), await loadManifest(reach, after)]
  const parts = await comparableParts(reach, before, after)
  const { only: removed, shared } = partsOnlyIn(parts.before, parts.after)
  const { only: added } = partsOnlyIn(parts.after, parts.before)
  // In types that hold the values of both versions.
  const types = mergeSchemas([old.schema, now.schema])
  const typed = (schema: Manifest['schema']): Manifest['schema'] =>
    schema.map(({ name }) => types.find((column) => column.name === name)!)
  return {
    removed: await scan(reach, removed, typed(old.schema)),
    added: await scan(reach, added, typed(now.schema)),
    shared: await scan(reach, shared, typed(now.schema)),
  }
}

/** Makes the table `__diff`: each key of the parts that differ, how it changed, `d<i>` where the column `others[i]` differs, and the most rows it has. */
async function gatherKeys(
  session: AnalyticsSession,
  scans: Record<'removed' | 'added' | 'shared', string>,
  { keys, others }: { keys: readonly string[]; others: readonly string[] },
): Promise<void> {
  const hashes = others.map(
    (name, index) => `sum(hash(CAST(${quoteIdentifier(name)} AS VARCHAR))::HUGEINT) AS s${index}`,
  )
  const grouped = (rows: string): string =>
    `SELECT ${[...keys, 'count(*) AS n', ...hashes].join(', ')} FROM (${rows}) GROUP BY ALL`
  const same = (a: string, b: string): string =>
    keys.map((name) => `${a}.${name} IS NOT DISTINCT FROM ${b}.${name}`).join(' AND ')
  const joined = keys.map((name) => `coalesce(a.${name}, b.${name}) AS ${name}`)
  const differs = others.map((_, index) => `a.s${index} IS DISTINCT FROM b.s${index} AS d${index}`)
  await session.execute(
    `CREATE TEMP TABLE __keys AS SELECT ${[...joined, ...differs, 'a.n AS a_n', 'b.n AS b_n'].join(', ')}
     FROM (${grouped(scans.removed)}) a FULL JOIN (${grouped(scans.added)}) b ON ${same('a', 'b')}`,
  )
  const anyDiffers = ['a_n IS DISTINCT FROM b_n', ...others.map((_, index) => `d${index}`)].join(' OR ')
  await session.execute(
    `CREATE TEMP TABLE __diff AS SELECT k.*, CASE
       WHEN k.a_n IS NOT NULL AND k.b_n IS NOT NULL THEN CASE WHEN ${anyDiffers} THEN 'changed' ELSE 'same' END
       WHEN s.n IS NOT NULL THEN 'changed' WHEN k.a_n IS NULL THEN 'added' ELSE 'removed' END AS change,
       coalesce(s.n, 0) + greatest(coalesce(k.a_n, 0), coalesce(k.b_n, 0)) AS most
     FROM __keys k LEFT JOIN (SELECT ${[...keys, 'count(*) AS n'].join(', ')} FROM (${scans.shared}) t
       WHERE EXISTS (SELECT 1 FROM __keys k WHERE ${same('t', 'k')}) GROUP BY ALL) s ON ${same('s', 'k')}`,
  )
}

async function countChanges(
  session: AnalyticsSession,
  others: readonly string[],
): Promise<Omit<KeyDiff, 'key' | 'examples'>> {
  const changes = ['added', 'removed', 'changed'].map(
    (change) => `count(*) FILTER (WHERE change = '${change}') AS ${change}`,
  )
  const perColumn = others.map(
    (_, index) => `count(*) FILTER (WHERE change = 'changed' AND d${index}) AS c${index}`,
  )
  const [row] = await session.query(
    `SELECT ${[...changes, 'count(*) FILTER (WHERE most > 1) AS repeated', ...perColumn].join(', ')} FROM __diff`,
  )
  return {
    added: Number(row!['added']),
    removed: Number(row!['removed']),
    changed: Number(row!['changed']),
    repeated: Number(row!['repeated']),
    columns: others
      .map((name, index) => ({ name, changed: Number(row![`c${index}`]) }))
      .filter(({ changed }) => changed > 0)
      .sort((a, b) => b.changed - a.changed),
  }
}

async function exampleKeys(session: AnalyticsSession, key: readonly string[]): Promise<KeyDiff['examples']> {
  const shown = key.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS ${quoteIdentifier(name)}`)
  const rows = await session.query(
    `SELECT ${shown.join(', ')}, change AS __change FROM __diff WHERE change <> 'same'
     ORDER BY ${key.map(quoteIdentifier).join(', ')} LIMIT ${EXAMPLES}`,
  )
  return rows.map(({ __change, ...values }) => ({
    key: values as Record<string, string | null>,
    change: __change as KeyDiff['examples'][number]['change'],
  }))
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
