import { z } from 'zod'
import { columnTypes, type ColumnType } from './schema.ts'

const readOptions = {
  format: z.enum(['parquet', 'csv', 'json']).optional(),
  delimiter: z.string().length(1).optional(),
}

/** How content is read; what is not given follows from its name. */
export type ReadOptions = z.infer<z.ZodObject<typeof readOptions>>

const filesSource = z.strictObject({
  type: z.literal('files'),
  glob: z.string().min(1),
  ...readOptions,
})
export type FilesSource = z.infer<typeof filesSource>

const pushSource = z.strictObject({
  type: z.literal('push'),
  columns: z.record(z.string().min(1), z.enum(columnTypes)).optional(),
})
export type PushSource = z.infer<typeof pushSource>

/** Where a dataset's rows come from. */
export const sourceDefinition = z.discriminatedUnion('type', [filesSource, pushSource])
export type SourceDefinition = z.infer<typeof sourceDefinition>

/**
 * Files that match a glob, absolute or relative to the project's directory. The format follows from the ending
 * (`.parquet`, `.pq`, `.csv`, `.tsv`, `.json`, `.jsonl`, `.ndjson`) unless it is given; `.gz`, `.zst` or `.br` after it is decompressed.
 * CSV is RFC 4180 with a header line; the delimiter is a comma, or a tab for `.tsv`, unless it is given. JSON is one array of objects,
 * or objects one after another. Dot files and files ending in `.tmp`, `.part` or `~` are ignored.
 */
export function files(glob: string, options: ReadOptions = {}): FilesSource {
  return filesSource.parse({ type: 'files', glob, ...options })
}

/**
 * Rows that others send: `POST /api/v1/datasets/<name>/rows`, or whole batches to `…/batches`. What was pushed since the last version becomes one
 * part of the next. `columns` names columns and types from the start; without it the first push decides.
 */
export function push(options: { columns?: Readonly<Record<string, ColumnType>> } = {}): PushSource {
  return pushSource.parse({ type: 'push', ...options })
}
