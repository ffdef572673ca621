import { DataType, TimeUnit, type Field, type Vector } from 'apache-arrow'
import { quoteIdentifier, type AppendType, type AppendValue } from '../ports/analytics/analytics.ts'
import { MAX_ROW_BYTES } from './limits.ts'

/** How a column of Arrow travels: what is appended for each value, and SQL that makes the column of it. */
export interface ArrowColumn {
  name: string
  appended: AppendType
  value: (value: unknown) => AppendValue
  expression: string
}

export function arrowColumn({ name, type }: Field): ArrowColumn {
  return { name, ...travel(type, quoteIdentifier(name)) }
}

/** The first value of a batch that is longer than a value may be; undefined when there is none. */
export function longValue(vector: Vector): number | undefined {
  const { type } = vector
  if (DataType.isDictionary(type)) return longDictionaryValue(vector)
  const isText = DataType.isUtf8(type) || DataType.isLargeUtf8(type)
  if (!isText && !DataType.isBinary(type) && !DataType.isLargeBinary(type)) return undefined
  let before = 0
  for (const { valueOffsets, length } of vector.data) {
    for (let at = 0; at < length; at++)
      if (Number(valueOffsets[at + 1]) - Number(valueOffsets[at]) > MAX_ROW_BYTES) return before + at
    before += length
  }
  return undefined
}

/** Each different value is there once, and rows refer to it by its number. */
function longDictionaryValue(vector: Vector): number | undefined {
  let before = 0
  for (const { dictionary, values, length } of vector.data) {
    const long = dictionary && longValue(dictionary)
    if (long !== undefined) return before + [...(values as Int32Array)].indexOf(long)
    before += length
  }
  return undefined
}

/** The values of one column of a batch. */
export function arrowValues(vector: Vector, { value }: ArrowColumn): AppendValue[] {
  return Array.from({ length: vector.length }, (_, index) => {
    const read: unknown = vector.get(index)
    return read === null || read === undefined ? null : value(read)
  })
}

function travel(type: DataType, column: string): Omit<ArrowColumn, 'name'> {
  if (DataType.isDictionary(type)) return travel(type.dictionary as DataType, column)
  if (DataType.isInt(type) && (type.isSigned || type.bitWidth < 64))
    return { appended: 'BIGINT', value: (read) => BigInt(read as number | bigint), expression: column }
  if (DataType.isInt(type) || DataType.isFloat(type)) return asDouble(Number, column)
  if (DataType.isDecimal(type)) return asDouble((read) => decimal(read as Uint32Array, type.scale), column)
  if (DataType.isBool(type))
    return { appended: 'BOOLEAN', value: (read) => read as boolean, expression: column }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type))
    return { appended: 'VARCHAR', value: (read) => read as string, expression: column }
  if (isBinary(type)) return { appended: 'BLOB', value: (read) => read as Uint8Array, expression: column }
  if (DataType.isTimestamp(type)) return asMicros(milliseconds, `make_timestamp(${column})`)
  if (DataType.isDate(type)) return asMicros(milliseconds, `CAST(make_timestamp(${column}) AS DATE)`)
  if (DataType.isTime(type)) {
    const perUnit = MICROS_PER[type.unit]
    return asMicros(
      (read) => BigInt(Math.round(Number(read) * perUnit)),
      `CAST(make_timestamp(${column}) AS TIME)`,
    )
  }
  return { appended: 'VARCHAR', value: nested, expression: column }
}

function isBinary(type: DataType): boolean {
  return (
    DataType.isBinary(type) ||
    DataType.isLargeBinary(type) ||
    DataType.isFixedSizeBinary(type) ||
    DataType.isBinaryView(type)
  )
}

function asDouble(value: (read: unknown) => number, expression: string): Omit<ArrowColumn, 'name'> {
  return { appended: 'DOUBLE', value, expression }
}

function asMicros(value: (read: unknown) => bigint, expression: string): Omit<ArrowColumn, 'name'> {
  return { appended: 'BIGINT', value, expression }
}

/** Times are read as milliseconds with fractions, which a double holds to the microsecond until the year 2255. */
function milliseconds(read: unknown): bigint {
  return BigInt(Math.round(Number(read) * 1000))
}

const MICROS_PER: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 1e6,
  [TimeUnit.MILLISECOND]: 1e3,
  [TimeUnit.MICROSECOND]: 1,
  [TimeUnit.NANOSECOND]: 1e-3,
}

/** Two's complement in words of 32 bits, the lowest first. */
function decimal(words: Uint32Array, scale: number): number {
  let value = 0n
  for (let at = words.length - 1; at >= 0; at--) value = (value << 32n) | BigInt(words[at]!)
  const digits = BigInt.asIntN(words.length * 32, value).toString()
  return Number(`${digits}e-${scale}`)
}

/** Lists, structs, maps and the like as JSON text, as from other formats. */
function nested(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'bigint'
      ? Number.isSafeInteger(Number(member))
        ? Number(member)
        : String(member)
      : member,
  )
}
