import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { expectation, type Expectation } from './expectation.ts'

export {
  between,
  castable,
  columns,
  distinctCount,
  finite,
  freshness,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  meanBetween,
  noDuplicateRows,
  notNull,
  quantileBetween,
  rowCount,
  sqlCheck,
  unique,
} from './expectation.ts'

const nameSchema = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,99}$/, 'a name starts with a letter and has letters, digits, _ and -')

const filesSource = z.strictObject({
  type: z.literal('files'),
  glob: z.string().min(1),
  format: z.enum(['parquet', 'csv', 'json']).optional(),
  delimiter: z.string().length(1).optional(),
})

/** A dataset as a project version stores it. */
export const datasetDefinition = z.strictObject({
  kind: z.literal('dataset'),
  name: nameSchema,
  source: filesSource,
  time: z.string().min(1).optional(),
  probeEveryMs: z.number().int().min(100).optional(),
  expect: z.array(expectation),
})

export type FilesSource = z.infer<typeof filesSource>
export type DatasetDefinition = z.infer<typeof datasetDefinition>

/** What the room `data` contributes to a project's JSON document. */
export const dataDefinitions = z.strictObject({ datasets: z.array(datasetDefinition) })

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

/**
 * A named table whose versions are immutable. `time` names the column that holds each row's time (a timestamp or
 * a date, UTC, never null). Each arriving file is held against `expect` before it becomes part of a version.
 * `probeEvery` lets the server look for new files at that interval.
 */
export function dataset(
  name: string,
  options: { source: FilesSource; time?: string; expect?: readonly Expectation[]; probeEvery?: Duration },
): DatasetDefinition {
  const { source, time, expect = [], probeEvery } = options
  return datasetDefinition.parse({
    kind: 'dataset',
    name,
    source,
    ...(time !== undefined && { time }),
    ...(probeEvery !== undefined && { probeEveryMs: durationMs.parse(probeEvery) }),
    expect,
  })
}
