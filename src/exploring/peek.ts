import type { Context } from '../http/context.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { createRandom, randomInteger } from '../statistics/random.ts'
import { concealKeptRow, loadManifest } from '../data/data.ts'
import type { Dataset, DatasetVersion, Part } from '../data/schema.ts'

const STRETCHES = 3

type TextRow = Record<string, string | null>

/**
 * Some rows for the eye, as text: up to three stretches of rows that stand together, in parts and at places that the seed chooses. Reads a part
 * or three, whatever the size of the version. What is personal and kept as it is comes masked.
 */
export async function peekRows(
  { artifacts, analytics }: Pick<Context, 'artifacts' | 'analytics'>,
  dataset: Pick<Dataset, 'definition'>,
  version: DatasetVersion,
  { limit, seed }: { limit: number; seed: number },
): Promise<TextRow[]> {
  if (version.rows === 0) return []
  const { parts, schema } = await loadManifest({ artifacts }, version)
  const random = createRandom(seed)
  const stretches = Math.min(STRETCHES, limit)
  const places = Array.from({ length: stretches }, () => randomInteger(random, version.rows))
  const length = Math.ceil(limit / stretches)
  await using session = await analytics.session({ threads: 1 })
  const rows: TextRow[] = []
  for (const place of places.sort((a, b) => a - b)) {
    const { part, row } = locate(parts, place)
    // Near the end of a part the stretch begins earlier, so that it is whole.
    const first = Math.max(0, Math.min(row, part.rows - length))
    const found = await session.query(
      `SELECT CAST(COLUMNS(* EXCLUDE (file_row_number)) AS VARCHAR)
       FROM read_parquet(${quoteLiteral(await artifacts.localPath(part.sha256))}, file_row_number = true)
       WHERE file_row_number >= ${first} AND file_row_number < ${first + length}`,
    )
    rows.push(...(found as TextRow[]))
  }
  return rows.slice(0, limit).map((row) => {
    const values = Object.fromEntries(schema.map(({ name }) => [name, row[name] ?? null]))
    return concealKeptRow({ values }, dataset).values
  })
}

function locate(parts: readonly Part[], place: number): { part: Part; row: number } {
  let row = place
  for (const part of parts) {
    if (row < part.rows) return { part, row }
    row -= part.rows
  }
  return { part: parts.at(-1)!, row: 0 }
}
