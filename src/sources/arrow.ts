import { amount } from '../kernel/amount.ts'
import {
  CompressionType,
  compressionRegistry,
  RecordBatchReader,
  type RecordBatch,
  type Vector,
} from 'apache-arrow'
import { open, type FileHandle } from 'node:fs/promises'
import { zstdDecompressSync } from 'node:zlib'
import { AppError, messageOf } from '../kernel/errors.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { arrowColumn, arrowValues, longValue, type ArrowColumn } from './arrow-columns.ts'
import { MAX_ROW_BYTES } from './limits.ts'
import { decodeLz4Frame } from './lz4.ts'
import { namesProblem } from './names.ts'
import { problem, type ReadFile, type ReadProblem, type ReadSource } from './reading.ts'
import { storedColumns } from './typed-columns.ts'

const RAW = 'arrow_rows'
/** Batches are read one at a time and whole, so they bound what is held. */
const MAX_BATCH_BYTES = 512 * 2 ** 20
const FEATHER_1 = 'FEA1'
const END_OF_STREAM = 'ffffffff00000000'

/**
 * Reads Arrow's IPC format: files (`.arrow`, Feather version 2) and streams (`.arrows`), batch by batch, plain or compressed with LZ4 or
 * Zstandard. Columns keep their types as those of Parquet do.
 */
export async function readArrow(
  session: AnalyticsSession,
  file: ReadFile,
): Promise<ReadSource | ReadProblem> {
  await using handle = await open(file.path, 'r')
  const wrong = await checkEnds(handle)
  if (wrong) return wrong
  registerCodecs()
  let columns: ArrowColumn[] | undefined
  try {
    const reader = await RecordBatchReader.from(bounded(handle))
    await reader.open()
    columns = reader.schema.fields.map(arrowColumn)
    if (columns.length === 0) return problem('it has no columns')
    const misnamed = namesProblem(columns.map(({ name }) => name))
    if (misnamed) return misnamed
    await session.execute(`CREATE OR REPLACE TEMP TABLE ${RAW} (${columns.map(declaration).join(', ')})`)
    let rows = 0
    for await (const batch of reader) {
      await appendBatch(session, columns, batch, rows)
      rows += batch.numRows
    }
  } catch (error) {
    if (error instanceof AppError && error.code !== 'invalid') throw error
    return problem(`it can't be read as Arrow: ${messageOf(error)}`)
  }
  const select = columns.map(({ name, expression }) => `${expression} AS ${quoteIdentifier(name)}`)
  return await storedColumns(session, file, `(SELECT ${select.join(', ')} FROM ${RAW})`)
}

function declaration({ name, appended }: ArrowColumn): string {
  return `${quoteIdentifier(name)} ${appended}`
}

async function appendBatch(
  session: AnalyticsSession,
  columns: readonly ArrowColumn[],
  batch: RecordBatch,
  rowsBefore: number,
): Promise<void> {
  const types = columns.map(({ appended }) => appended)
  const values = columns.map((column, index) => {
    const vector: Vector = batch.getChildAt(index)!
    const long = longValue(vector)
    if (long === undefined) return arrowValues(vector, column)
    throw new AppError(
      'invalid',
      `row ${amount(rowsBefore + long + 1)}: ${column.name} is longer than ${amount(MAX_ROW_BYTES)} bytes`,
    )
  })
  await session.append(RAW, types, values)
}

/** A file names its format at both ends; a stream ends with a mark. What lacks its end was cut off. */
async function checkEnds(handle: FileHandle): Promise<ReadProblem | undefined> {
  const { size } = await handle.stat()
  if (size === 0) return problem('it is empty')
  if (size < 8) return problem('it is no Arrow file: it is too short')
  const head = Buffer.alloc(8)
  const tail = Buffer.alloc(8)
  await handle.read(head, 0, 8, 0)
  await handle.read(tail, 0, 8, size - 8)
  if (head.toString('latin1').startsWith(FEATHER_1))
    return problem('it is Feather version 1, which Arrow has given up: write version 2')
  const isFile = head.toString('latin1').startsWith('ARROW1')
  const isWhole = isFile ? tail.toString('latin1').endsWith('ARROW1') : tail.toString('hex') === END_OF_STREAM
  if (isWhole) return undefined
  if (!isFile && head.readUInt32LE(0) !== 0xffffffff) return problem('it is no Arrow file or stream')
  return problem(`it breaks off: the mark at the end of ${isFile ? 'a file' : 'a stream'} is missing`)
}

/** The file as the reader asks for it; it never gets more than a batch may have. */
function bounded(handle: FileHandle): FileHandle {
  const read = (buffer: Uint8Array, offset: number, length: number, position: number) => {
    if (length <= MAX_BATCH_BYTES) return handle.read(buffer, offset, length, position)
    throw new AppError('invalid', `a batch is larger than ${MAX_BATCH_BYTES} bytes: write smaller ones`)
  }
  return {
    fd: handle.fd,
    stat: () => handle.stat(),
    read,
    close: async () => undefined,
  } as unknown as FileHandle
}

/** What the library asks for by its type of compression; it brings no codecs of its own. */
function registerCodecs(): void {
  compressionRegistry.set(CompressionType.ZSTD, {
    decode: (bytes) => new Uint8Array(zstdDecompressSync(bytes, { maxOutputLength: MAX_BATCH_BYTES })),
  })
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    decode: (bytes) => decodeLz4Frame(bytes, MAX_BATCH_BYTES),
  })
}
