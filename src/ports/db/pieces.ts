const IDS_AT_ONCE = 500

/** Reads the rows of many ids, so many ids with a statement. */
export async function inPieces<Row>(
  ids: readonly string[],
  read: (piece: readonly string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (let start = 0; start < ids.length; start += IDS_AT_ONCE)
    for (const row of await read(ids.slice(start, start + IDS_AT_ONCE))) rows.push(row)
  return rows
}
