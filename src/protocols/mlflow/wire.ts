import type { Caller } from '../../kernel/actor.ts'
import type { Context } from '../../http/context.ts'
import { readBody, requireNoNulInJson, requireNoNulInUrl } from '../../http/app.ts'
import { AppError } from '../../kernel/errors.ts'
import { invalid } from './errors.ts'

export interface Call {
  context: Context
  caller: Caller
  fields: Fields
  /** Parameters of the path. */
  path: Record<string, string>
  request: Request
  /** The body as it arrives, for files. */
  arriving: AsyncIterable<Uint8Array>
}

export interface Endpoint {
  methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[]
  /** Below its base, with `:name` for parameters; `/*` at its end is the path of an artifact. */
  path: string
  /** Where it stands: below `/api/<version>` and `/ajax-api/<version>`, below the latter alone, or at the root. */
  base: 'api' | 'ajax-api' | 'root'
  version: '2.0' | '3.0'
  /** The body is a file, and the fields are in the query. */
  file: boolean
  /** A signature in the address stands for the caller, who sends no credentials. */
  signed: boolean
  handle(call: Call): Promise<object | Response>
}

/** One endpoint; most answer JSON that leaves out what is unset. */
export function endpoint(
  method: Endpoint['methods'][number] | Endpoint['methods'],
  path: string,
  handle: Endpoint['handle'],
  options: Partial<Pick<Endpoint, 'base' | 'version' | 'file' | 'signed'>> = {},
): Endpoint {
  const methods = typeof method === 'string' ? [method] : method
  return { base: 'api', version: '2.0', file: false, signed: false, ...options, methods, path, handle }
}

/**
 * Reads a request's fields as protocol buffers over JSON would: unknown ones are ignored, names may be `snake_case` or `camelCase`,
 * scalars may come as strings, a `null` is unset, and so is `{}`, which is how the R client writes nothing.
 * The texts of the refusals are MLflow's, since its clients and tests know them.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #where: string

  constructor(values: Readonly<Record<string, unknown>>, where = '') {
    this.#values = values
    this.#where = where
  }

  #get(name: string): unknown {
    const jsonName = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const isThere = Object.hasOwn(this.#values, name)
    const isThereAsJson = jsonName !== name && Object.hasOwn(this.#values, jsonName)
    if (isThere && isThereAsJson)
      throw invalid(`Request specifies both '${name}' and '${jsonName}'; provide only one of them.`)
    const value = isThere ? this.#values[name] : isThereAsJson ? this.#values[jsonName] : undefined
    return value === null || isEmptyObject(value) ? undefined : value
  }

  #name(name: string): string {
    return this.#where === '' ? name : `${this.#where}.${name}`
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined
  }

  /** Throws unless the field is there and is no empty string. */
  required(name: string): string {
    const text = this.text(name)
    if (text === undefined || text === '') throw missing(this.#name(name))
    return text
  }

  text(name: string): string | undefined {
    const value = this.#get(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, value, 'string')
  }

  /** The first of several names of one field; `run_uuid` is the old name of `run_id`. */
  either(...names: [string, ...string[]]): string {
    for (const name of names) {
      const text = this.text(name)
      if (text) return text
    }
    throw missing(this.#name(names[0]))
  }

  /** As protocol buffers write it in JSON: also as a text, also with an exponent, in which R writes 100,000. */
  integer(name: string): number | undefined {
    const value = this.#get(name)
    if (value === undefined) return undefined
    const isNumeral = typeof value === 'string' && /^-?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(value)
    const number = isNumeral ? Number(value) : value
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number
    throw this.#wrong(name, value, 'int64')
  }

  requiredInteger(name: string): number {
    const number = this.integer(name)
    if (number === undefined) throw missing(this.#name(name))
    return number
  }

  /** A double; `NaN`, `Infinity` and `-Infinity` are strings. */
  double(name: string): number {
    const value = this.#get(name)
    if (value === undefined) throw missing(this.#name(name))
    if (typeof value === 'number') return value
    const number = typeof value === 'string' ? parseDouble(value) : undefined
    if (number === undefined) throw this.#wrong(name, value, 'float')
    return number
  }

  boolean(name: string): boolean {
    const value = this.#get(name)
    if (value === undefined || value === false) return false
    if (value === true) return true
    if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    throw this.#wrong(name, value, 'bool')
  }

  texts(name: string): string[] {
    return this.#list(name).map((value, index) => {
      if (typeof value === 'string') return value
      throw this.#wrong(`${name}[${index}]`, value, 'string')
    })
  }

  objects(name: string): Fields[] {
    return this.#list(name).map((value, index) => {
      const where = `${this.#name(name)}[${index}]`
      if (isRecord(value)) return new Fields(value, where)
      throw this.#wrong(`${name}[${index}]`, value, 'object')
    })
  }

  object(name: string): Fields {
    const value = this.#get(name)
    if (value === undefined) throw missing(this.#name(name))
    if (isRecord(value)) return new Fields(value, this.#name(name))
    throw this.#wrong(name, value, 'object')
  }

  /** The name of an enum; by its number too. */
  choice<Name extends string>(name: string, names: Readonly<Record<Name, number>>): Name | undefined {
    const value = this.#get(name)
    if (value === undefined || value === '') return undefined
    const found = (Object.keys(names) as Name[]).find(
      (candidate) => candidate === value || names[candidate] === Number(value),
    )
    if (found) return found
    throw this.#wrong(name, value, Object.keys(names).join(' | '))
  }

  #list(name: string): unknown[] {
    const value = this.#get(name)
    if (value === undefined) return []
    if (Array.isArray(value)) return value
    if (typeof value === 'string') return [value]
    throw this.#wrong(name, value, 'array')
  }

  #wrong(name: string, value: unknown, expected: string) {
    const shown = typeof value === 'string' ? `'${value.slice(0, 200)}'` : JSON.stringify(value).slice(0, 200)
    return invalid(
      `Invalid value ${shown} for parameter '${this.#name(name)}' supplied: Value was of type '${typeOf(value)}', expected '${expected}'. See the API docs for more information about request parameters.`,
    )
  }
}

export function missing(name: string) {
  return invalid(
    `Missing value for required parameter '${name}'. See the API docs for more information about request parameters.`,
  )
}

function parseDouble(text: string): number | undefined {
  if (text === 'NaN' || text === 'nan') return Number.NaN
  if (/^[+-]?(Infinity|inf)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : undefined
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmptyObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0
}

/** A GET carries its fields in the query (repeated names are lists), everything else in a JSON body. */
export async function readFields(
  request: Request,
  { file, maxBytes }: { file: boolean; maxBytes: number },
): Promise<Fields> {
  requireNoNulInUrl(request.url)
  const query = queryFields(new URL(request.url).searchParams)
  if (file || request.method === 'GET') return new Fields(query)
  const bytes = await readBody(request, maxBytes)
  if (bytes.byteLength === 0) return new Fields(query)
  const contentType = request.headers.get('content-type')
  if (contentType === null) throw invalid('Bad Request. Content-Type header is missing.')
  if (!/^application\/json\b/i.test(contentType))
    throw invalid("Bad Request. Content-Type must be one of ['application/json'].")
  return new Fields(parseObject(new TextDecoder().decode(bytes)))
}

function queryFields(query: URLSearchParams): Record<string, unknown> {
  const names = [...new Set(query.keys())]
  return Object.fromEntries(
    names.map((name) => {
      const values = query.getAll(name)
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

/** Old clients encode the JSON twice: a string that holds an object. */
function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
    if (typeof value === 'string') return parseObject(value)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw invalid('Invalid JSON: the request body could not be parsed')
  }
  requireNoNulInJson(text)
  if (isRecord(value)) return value
  throw invalid('Invalid JSON: the request body must be an object')
}

/** JSON has no NaN and no infinities; MLflow writes them as strings. */
export function doubleToWire(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** MLflow leaves out empty lists. */
export function unlessEmpty<Key extends string, Item>(
  key: Key,
  items: readonly Item[],
): { [K in Key]?: readonly Item[] } {
  return (items.length === 0 ? {} : { [key]: items }) as { [K in Key]?: readonly Item[] }
}

/** Ids of experiments are numbers as text. */
export function experimentId(fields: Fields): string {
  return requireExperimentId(fields.required('experiment_id'))
}

export function experimentIds(fields: Fields): string[] {
  return fields.texts('experiment_ids').map(requireExperimentId)
}

function requireExperimentId(id: string): string {
  if (/^-?\d{1,18}$/.test(id)) return id.replace(/^(-?)0+(?=\d)/, '$1')
  throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`)
}

/** A page size out of 1 … max. */
export function pageSize(
  fields: Fields,
  { default: fallback, max }: { default?: number; max: number },
): number {
  const size = fields.integer('max_results') ?? fallback
  if (size === undefined) throw missing('max_results')
  if (size >= 1 && size <= max) return size
  throw invalid(
    `Invalid value ${size} for parameter 'max_results' supplied: It must be a positive integer of at most ${max}.`,
  )
}

export const VIEW_TYPES = { ACTIVE_ONLY: 1, DELETED_ONLY: 2, ALL: 3 } as const

export function lifecycleOf(view: keyof typeof VIEW_TYPES | undefined): 'active' | 'deleted' | 'all' {
  if (view === 'ALL') return 'all'
  return view === 'DELETED_ONLY' ? 'deleted' : 'active'
}
