import {
  AsyncByteQueue,
  Binary,
  Bool,
  DateDay,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  Utf8,
  type Data,
  type DataType,
} from 'apache-arrow'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column, ColumnType } from '../sources/schema.ts'

/** Rows of a batch, fewer where there are many columns or long values. */
const BATCH_ROWS = 16_384
const BATCH_CELLS = 1_000_000
const BATCH_BYTES = 32_000_000

type Values = readonly unknown[]

interface ArrowType {
  type: DataType
  /** SQL of what travels for a value: whole numbers for times, so that none loses its microseconds. */
  sent: (column: string) => string
  data: (values: Values) => Data
}

/**
 * The rows of a query as Arrow IPC, a batch at a time: a file, which has a footer for reading it at any place, or a stream. Times are microseconds
 * without a zone. Equal rows give equal bytes when the session has one thread.
 */
export async function* arrowBytes(
  session: AnalyticsSession,
  select: string,
  { columns, isFile }: { columns: readonly Column[]; isFile: boolean },
): AsyncGenerator<Uint8Array> {
  const types = columns.map(({ type }) => ARROW[type])
  const schema = new Schema(columns.map(({ name }, at) => new Field(name, types[at]!.type, true)))
  const written = new Written()
  const writer = isFile ? new RecordBatchFileWriter() : new RecordBatchStreamWriter()
  writer.reset(written, schema)
  const sent = columns.map(({ name }, at) => `${types[at]!.sent(quoteIdentifier(name))} AS c${at}`)
  for await (const batch of batches(session, `SELECT ${sent.join(', ')} FROM (${select})`, columns.length)) {
    const children = types.map(({ data }, at) => data(batch.columns[at]!))
    const struct = makeData({ type: new Struct(schema.fields), length: batch.rows, nullCount: 0, children })
    writer.write(new RecordBatch(schema, struct))
    yield* written.take()
  }
  writer.finish()
  yield* written.take()
}

/** What the library wrote since it was last taken. Its own queue would hold all that nobody has read yet. */
class Written extends AsyncByteQueue {
  #bytes: Uint8Array[] = []

  override write(value: ArrayBufferView): void {
    if (value.byteLength > 0)
      this.#bytes.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }

  take(): Uint8Array[] {
    return this.#bytes.splice(0)
  }
}

async function* batches(
  session: AnalyticsSession,
  sql: string,
  width: number,
): AsyncGenerator<{ rows: number; columns: unknown[][] }> {
  const most = Math.min(BATCH_ROWS, Math.floor(BATCH_CELLS / width))
  let held: { rows: number; bytes: number; columns: unknown[][] } | undefined
  for await (const chunk of session.chunks(sql)) {
    const columns = Object.values(chunk)
    const rows = columns[0]!.length
    const bytes = columns.reduce((sum, values) => sum + sizeOf(values), 0)
    if (held && (held.rows + rows > most || held.bytes + bytes > BATCH_BYTES)) {
      yield held
      held = undefined
    }
    held ??= { rows: 0, bytes: 0, columns: columns.map(() => []) }
    held.rows += rows
    held.bytes += bytes
    for (const [at, values] of columns.entries()) for (const value of values) held.columns[at]!.push(value)
  }
  if (held) yield held
}

/** The bytes of binary values, and the units of UTF-16 of texts. */
function sizeOf(values: Values): number {
  const sample = values.find((value) => value !== null)
  if (typeof sample !== 'string' && !(sample instanceof Uint8Array)) return 0
  return (values as (string | Uint8Array | null)[]).reduce((sum, value) => sum + (value?.length ?? 0), 0)
}

const ARROW: Readonly<Record<ColumnType, ArrowType>> = {
  BOOLEAN: { type: new Bool(), sent: asIs, data: booleans },
  BIGINT: { type: new Int64(), sent: asIs, data: (values) => longs(new Int64(), values) },
  DOUBLE: { type: new Float64(), sent: asIs, data: doubles },
  VARCHAR: { type: new Utf8(), sent: asIs, data: texts },
  BLOB: { type: new Binary(), sent: asIs, data: blobs },
  DATE: {
    type: new DateDay(),
    sent: (column) => `date_diff('day', DATE '1970-01-01', ${column})`,
    data: days,
  },
  TIME: {
    type: new TimeMicrosecond(),
    sent: (column) => `epoch_us(${column})`,
    data: (values) => longs(new TimeMicrosecond(), values),
  },
  TIMESTAMP: {
    type: new TimestampMicrosecond(),
    sent: (column) => `epoch_us(${column})`,
    data: (values) => longs(new TimestampMicrosecond(), values),
  },
}

function asIs(column: string): string {
  return column
}

/** A bit for each value that is there, the lowest first. */
function validity(values: Values): { nullCount: number; nullBitmap: Uint8Array } {
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8))
  let nullCount = 0
  for (const [at, value] of values.entries()) {
    if (value === null) nullCount++
    else nullBitmap[at >> 3]! |= 1 << (at & 7)
  }
  return { nullCount, nullBitmap }
}

function longs(type: Int64 | TimeMicrosecond | TimestampMicrosecond, values: Values): Data {
  const data = new BigInt64Array(values.length)
  for (const [at, value] of values.entries()) if (value !== null) data[at] = BigInt(value as number | bigint)
  return makeData({ type: type as Int64, length: values.length, data, ...validity(values) })
}

function doubles(values: Values): Data {
  const data = Float64Array.from(values as (number | null)[], (value) => value ?? 0)
  return makeData({ type: new Float64(), length: values.length, data, ...validity(values) })
}

function days(values: Values): Data {
  const data = Int32Array.from(values as (number | null)[], (value) => value ?? 0)
  return makeData({ type: new DateDay(), length: values.length, data, ...validity(values) })
}

function booleans(values: Values): Data {
  const data = new Uint8Array(Math.ceil(values.length / 8))
  for (const [at, value] of values.entries()) if (value === true) data[at >> 3]! |= 1 << (at & 7)
  return makeData({ type: new Bool(), length: values.length, data, ...validity(values) })
}

function texts(values: Values): Data {
  const strings = values as (string | null)[]
  // A unit of UTF-16 has at most three bytes in UTF-8.
  const bytes = Buffer.allocUnsafe(3 * sizeOf(strings))
  const valueOffsets = new Int32Array(values.length + 1)
  let end = 0
  for (const [at, value] of strings.entries()) {
    if (value !== null) end += bytes.write(value, end)
    valueOffsets[at + 1] = end
  }
  const data = new Uint8Array(bytes.subarray(0, end))
  return makeData({ type: new Utf8(), length: values.length, valueOffsets, data, ...validity(values) })
}

function blobs(values: Values): Data {
  const bytes = values as (Uint8Array | null)[]
  const valueOffsets = new Int32Array(values.length + 1)
  const data = new Uint8Array(sizeOf(values))
  for (const [at, value] of bytes.entries()) {
    if (value) data.set(value, valueOffsets[at])
    valueOffsets[at + 1] = valueOffsets[at]! + (value?.length ?? 0)
  }
  return makeData({ type: new Binary(), length: values.length, valueOffsets, data, ...validity(values) })
}
