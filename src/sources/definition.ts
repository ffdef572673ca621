import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { secretName } from '../kernel/secret.ts'
import { columnTypes, type ColumnType } from './schema.ts'

const readOptions = {
  format: z.enum(['parquet', 'csv', 'json', 'arrow']).optional(),
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

const maxBytes = z
  .number()
  .int()
  .min(1)
  .default(2 ** 30)

const publicUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}, 'an address may not hold a user name or a password: it would be stored readable')

const httpSource = z.strictObject({
  type: z.literal('http'),
  url: publicUrl,
  headers: z.record(z.string(), z.string()).optional(),
  secretHeaders: z.record(z.string(), secretName).optional(),
  maxBytes,
  timeoutMs: z.number().int().min(100),
  ...readOptions,
})
export type HttpSource = z.infer<typeof httpSource>

const s3Source = z.strictObject({
  type: z.literal('s3'),
  bucket: z.string().min(1),
  prefix: z.string(),
  endpoint: publicUrl.optional(),
  region: z.string().min(1).optional(),
  forcePathStyle: z.boolean().optional(),
  maxBytes,
  maxBytesAtOnce: maxBytes.unwrap().optional(),
  ...readOptions,
})
export type S3Source = z.infer<typeof s3Source>

const sqlSource = z
  .strictObject({
    type: z.literal('sql'),
    url: z
      .string()
      .regex(/^(postgres(ql)?:\/\/|sqlite:.)/, 'begins with postgres:// or sqlite:')
      .refine(
        (text) => text.startsWith('sqlite:') || (URL.parse(text)?.password ?? 'none') === '',
        'an address may not hold a password: it would be stored readable. Name an environment variable that holds the address as `secret`, or set PGPASSWORD',
      )
      .optional(),
    secret: secretName.optional(),
    query: z.string().regex(/\S/, 'is empty'),
    cursor: z.string().min(1).optional(),
    settleMs: z.number().positive().optional(),
    settleBy: z.number().int().positive().optional(),
    timeoutMs: z.number().int().min(100),
  })
  .refine(({ url, secret }) => (url === undefined) !== (secret === undefined), 'give either url or secret')
  .refine(
    ({ cursor, settleMs, settleBy }) => cursor !== undefined || (settleMs ?? settleBy) === undefined,
    'settle needs a cursor',
  )
export type SqlSource = z.infer<typeof sqlSource>

const commandSource = z.strictObject({
  type: z.literal('command'),
  /** A list is run as it is; a text is run by `/bin/sh`. */
  run: z.union([z.array(z.string().min(1)).min(1), z.string().regex(/\S/, 'is empty')]),
  mode: z.enum(['append', 'replace']),
  /** Variables of the worker's environment that the command is given, beside those that every command has. */
  secrets: z.array(secretName).optional(),
  maxBytes,
  timeoutMs: z.number().int().min(100),
  ...readOptions,
})
export type CommandSource = z.infer<typeof commandSource>

const pushSource = z.strictObject({
  type: z.literal('push'),
  columns: z.record(z.string().min(1), z.enum(columnTypes)).optional(),
  /** How long a key is known after its push, at least. */
  keepKeysMs: z.number().min(60_000, 'keys are kept for a minute at least').optional(),
})
export type PushSource = z.infer<typeof pushSource>

/** Where a dataset's rows come from. */
export const sourceDefinition = z.discriminatedUnion('type', [
  filesSource,
  httpSource,
  s3Source,
  sqlSource,
  commandSource,
  pushSource,
])
export type SourceDefinition = z.infer<typeof sourceDefinition>

/**
 * Files that match a glob, absolute or relative to the project's directory. The format follows from the ending
 * (`.parquet`, `.pq`, `.csv`, `.tsv`, `.json`, `.jsonl`, `.ndjson`, `.arrow`, `.arrows`, `.feather`) unless it is given; `.gz`, `.zst` or `.br` after it is decompressed.
 * CSV is RFC 4180 with a header line; the delimiter is a comma, or a tab for `.tsv`, unless it is given. JSON is one array of objects,
 * or objects one after another. Dot files and files ending in `.tmp`, `.part` or `~` are ignored.
 */
export function files(glob: string, options: ReadOptions = {}): FilesSource {
  return filesSource.parse({ type: 'files', glob, ...options })
}

/**
 * The file behind an address. It is asked for with what the server said of the last one (`ETag`, `Last-Modified`), and fetched when it differs. The
 * format follows from the ending of the path, else from the content type, unless it is given. `secretHeaders` names an environment
 * variable of the worker for each header, such as `{ authorization: 'FEED_TOKEN' }`. Defaults: at most 1 GiB, within ten minutes.
 */
export function http(
  url: string,
  options: ReadOptions & {
    headers?: Readonly<Record<string, string>>
    secretHeaders?: Readonly<Record<string, string>>
    maxBytes?: number
    timeout?: Duration
  } = {},
): HttpSource {
  const { timeout = '10m', ...rest } = options
  return httpSource.parse({ type: 'http', url, timeoutMs: durationMs.parse(timeout), ...rest })
}

/**
 * The objects of a bucket whose keys begin with a prefix, each read as a file of its name. The listing is the probe: only objects of another ETag or size are
 * fetched. `endpoint` is for stores other than Amazon's, most of which need `forcePathStyle`. Credentials are found as the AWS SDK finds them
 * (environment, profile, role of the machine). Default: at most 1 GiB for each object.
 */
export function s3(
  options: ReadOptions & {
    bucket: string
    prefix?: string
    endpoint?: string
    region?: string
    forcePathStyle?: boolean
    maxBytes?: number
    maxBytesAtOnce?: number
  },
): S3Source {
  return s3Source.parse({ type: 's3', prefix: '', ...options })
}

/**
 * The rows of a query in PostgreSQL (`postgres://…`) or SQLite (`sqlite:` and a path). `secret` names an environment variable of the worker that holds the
 * address, for one with a password.
 *
 * With `cursor`, a column that grows (an integer, a time, a date, or text in byte order), each look asks for the rows from the last value on, that value
 * included, and drops those it has: rows of equal cursor values are neither lost nor taken twice. `settle` looks further back, by a
 * duration (times) or a number (integers), for transactions that commit late. Rows may be added, not changed. Without `cursor` the whole result is read
 * each time, and is a new version when it differs.
 */
export function sql(options: {
  url?: string
  secret?: string
  query: string
  cursor?: string
  settle?: Duration | number
  timeout?: Duration
}): SqlSource {
  const { settle, timeout = '10m', ...rest } = options
  return sqlSource.parse({
    type: 'sql',
    timeoutMs: durationMs.parse(timeout),
    ...(typeof settle === 'string' && { settleMs: durationMs.parse(settle) }),
    ...(typeof settle === 'number' && { settleBy: settle }),
    ...rest,
  })
}

/**
 * What a command writes, for sources that no other kind reaches. A list is run as it is, a text by `/bin/sh`, in the project's folder. It is given the cursor that it wrote
 * last (`TIDEMILL_CURSOR`), and writes rows to the path in `TIDEMILL_OUTPUT` (Parquet unless `format` says otherwise) and where it stands now to the path in
 * `TIDEMILL_CURSOR_OUTPUT`. With `mode: 'append'` (the default) the rows come on top of those that are there, and need a new cursor; with `'replace'`
 * they are all there is. `secrets` names the environment variables of the worker that it needs. Defaults: ten minutes, 1 GiB.
 */
export function command(
  run: string | readonly string[],
  options: ReadOptions & {
    mode?: 'append' | 'replace'
    secrets?: readonly string[]
    maxBytes?: number
    timeout?: Duration
  } = {},
): CommandSource {
  const { timeout = '10m', mode = 'append', ...rest } = options
  return commandSource.parse({ type: 'command', run, mode, timeoutMs: durationMs.parse(timeout), ...rest })
}

/**
 * Rows that others send: `POST /api/v1/datasets/<name>/rows`, or whole batches to `…/batches`. What was pushed since the last version becomes one
 * part of the next. `columns` names columns and types from the start; without it the first push decides. A key that is sent again within `keepKeys` (90 days)
 * of its push is known and counts once; after that it is new.
 */
export function push(
  options: { columns?: Readonly<Record<string, ColumnType>>; keepKeys?: Duration } = {},
): PushSource {
  const { keepKeys, ...rest } = options
  return pushSource.parse({
    type: 'push',
    ...rest,
    ...(keepKeys !== undefined && { keepKeysMs: durationMs.parse(keepKeys) }),
  })
}
