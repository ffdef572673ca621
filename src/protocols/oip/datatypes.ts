import type { Datatype, TensorData } from '../../ports/inference/inference.ts'

/** Bytes of one element in the binary extension; BYTES has a length in front of each. */
const ELEMENT_BYTES: Readonly<Record<Datatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
}

const INTEGER_RANGE: Partial<Record<Datatype, readonly [number, number]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}

export function isDatatype(text: unknown): text is Datatype {
  return typeof text === 'string' && Object.hasOwn(ELEMENT_BYTES, text)
}

/** Whether a JSON value can be an element; null is judged by the input. FP16 has no exact form in JSON. */
export function isElement(datatype: Datatype, value: unknown): boolean {
  if (datatype === 'BYTES') return typeof value === 'string'
  if (datatype === 'BOOL') return typeof value === 'boolean'
  if (typeof value !== 'number') return false
  const range = INTEGER_RANGE[datatype]
  if (range === undefined) return Number.isFinite(value)
  return Number.isInteger(value) && value >= range[0] && value <= range[1]
}

/** Decodes raw little-endian elements; undefined when the bytes do not hold exactly `count` of them. */
export function decodeElements(datatype: Datatype, bytes: Buffer, count: number): TensorData | undefined {
  if (datatype === 'BYTES') return decodeTexts(bytes, count)
  if (bytes.length !== count * ELEMENT_BYTES[datatype]) return undefined
  // A copy, since a view must begin at a multiple of its element's size.
  const aligned = new Uint8Array(bytes).buffer
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(aligned)
    case 'INT8':
      return new Int8Array(aligned)
    case 'UINT16':
      return new Uint16Array(aligned)
    case 'INT16':
      return new Int16Array(aligned)
    case 'UINT32':
      return new Uint32Array(aligned)
    case 'INT32':
      return new Int32Array(aligned)
    case 'UINT64':
      return new BigUint64Array(aligned)
    case 'INT64':
      return new BigInt64Array(aligned)
    case 'FP32':
      return new Float32Array(aligned)
    case 'FP64':
      return new Float64Array(aligned)
    case 'FP16':
      return Float32Array.from(new Uint16Array(aligned), halfToNumber)
  }
}

function decodeTexts(bytes: Buffer, count: number): string[] | undefined {
  const texts: string[] = []
  let at = 0
  while (at + 4 <= bytes.length && texts.length < count) {
    const end = at + 4 + bytes.readUInt32LE(at)
    if (end > bytes.length) return undefined
    texts.push(bytes.toString('utf8', at + 4, end))
    at = end
  }
  return at === bytes.length && texts.length === count ? texts : undefined
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Elements `start` to `end` as raw little-endian bytes. */
export function encodeElements(datatype: Datatype, data: TensorData, start: number, end: number): Buffer {
  if (Array.isArray(data)) {
    const parts = data.slice(start, end).flatMap((text) => {
      const bytes = Buffer.from(text, 'utf8')
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    })
    return Buffer.concat(parts)
  }
  const size = ELEMENT_BYTES[datatype]
  return Buffer.from(data.buffer as ArrayBuffer, data.byteOffset + start * size, (end - start) * size)
}
