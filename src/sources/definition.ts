import { z } from 'zod'

export const filesSource = z.strictObject({
  type: z.literal('files'),
  glob: z.string().min(1),
  format: z.enum(['parquet', 'csv', 'json']).optional(),
  delimiter: z.string().length(1).optional(),
})

export type FilesSource = z.infer<typeof filesSource>

/**
 * Files that match a glob, absolute or relative to the project's directory. The format follows from the ending
 * (`.parquet`, `.pq`, `.csv`, `.tsv`, `.json`, `.jsonl`, `.ndjson`) unless it is given; `.gz`, `.zst` or `.br` after it is decompressed.
 * CSV is RFC 4180 with a header line; the delimiter is a comma, or a tab for `.tsv`, unless it is given. JSON is one array of objects,
 * or objects one after another. Dot files and files ending in `.tmp`, `.part` or `~` are ignored.
 */
export function files(
  glob: string,
  options: { format?: 'parquet' | 'csv' | 'json'; delimiter?: string } = {},
): FilesSource {
  return filesSource.parse({ type: 'files', glob, ...options })
}
