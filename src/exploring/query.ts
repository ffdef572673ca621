import { openReadOnly, type QueryResult } from '../ports/analytics/read-only.ts'
import { loadManifest, versionScan } from '../data/data.ts'
import type { Reach } from './reach.ts'

/** Text in quotes and comments stays as it is; `name@3` outside of them is a version. */
const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\/|\b[A-Za-z][A-Za-z0-9_-]{0,99}@\d{1,9}\b/g

/**
 * Runs one SELECT over dataset versions: every dataset is a view of its latest version by its name, and `name@3` one of that version.
 * Only what the text names is read. Throws `invalid` with DuckDB's words, or `not_found`, also for a version whose rows are gone.
 */
export async function queryDatasets(
  reach: Reach,
  { sql, limit }: { sql: string; limit: number },
): Promise<QueryResult> {
  const named = new Set<string>()
  const text = sql.replaceAll(TOKENS, (token) => {
    const plain = /^"(.*@\d+)"$/.exec(token)?.[1] ?? token
    if (!/^[A-Za-z][A-Za-z0-9_-]*@\d+$/.test(plain)) return token
    named.add(plain)
    return `"${plain}"`
  })
  const lower = text.toLowerCase()
  for (const name of await reach.datasets()) if (lower.includes(name.toLowerCase())) named.add(name)
  const views: Record<string, string> = {}
  const paths = new Set<string>()
  for (const reference of named) {
    const version = await reach.version(reference).catch((error: unknown) => {
      // A dataset whose name only happens to stand in the text may have no version.
      if (reference.includes('@')) throw error
      return undefined
    })
    if (version === undefined) continue
    const { parts } = await loadManifest(reach, version)
    for (const { sha256 } of parts) paths.add(await reach.artifacts.localPath(sha256))
    views[reference] = await versionScan(reach, version)
  }
  await using duckDb = await openReadOnly(views, [...paths])
  return await duckDb.select(text, limit)
}
