import { AppError } from '../../kernel/errors.ts'
import { parseExactJson } from '../../kernel/json.ts'
import type { Issue } from './errors.ts'

/** What the fields of Feast's requests are. */
interface Values {
  string: string
  boolean: boolean
  strings: string[]
  /** Lists by name. */
  columns: Record<string, unknown[]>
  object: Record<string, unknown>
}

type Kind = keyof Values

/** A field with its value where it is missing; one without must be there. */
interface Field {
  kind: Kind
  or?: unknown
}

type Parsed<Fields extends Readonly<Record<string, Field>>> = {
  [Name in keyof Fields]:
    | Values[Fields[Name]['kind']]
    | (Fields[Name] extends { or: infer Default } ? Default : never)
}

/** Reads a JSON body. Unknown fields are passed over, as Feast does. Throws `invalid` with every issue. */
export function parseBody<const Fields extends Readonly<Record<string, Field>>>(
  body: Buffer,
  fields: Fields,
): Parsed<Fields> {
  const given = parseObject(body)
  const issues: Issue[] = []
  const parsed: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value !== undefined && (value !== null || field.or !== null)) {
      issues.push(...CHECKS[field.kind](value, ['body', name]))
      parsed[name] = value
    } else if ('or' in field) parsed[name] = field.or
    else issues.push({ type: 'missing', loc: ['body', name], msg: 'This field is required' })
  }
  if (issues.length > 0) throw refused(issues)
  return parsed as Parsed<Fields>
}

function parseObject(body: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    // Keys are often whole numbers of 64 bits, more than a number holds.
    value = parseExactJson(body.toString('utf8'), BigInt)
  } catch (cause) {
    const msg = `The body is no JSON: ${(cause as Error).message}`
    throw refused([{ type: 'json_invalid', loc: ['body'], msg }])
  }
  if (isObject(value)) return value
  throw refused([{ type: 'model_attributes_type', loc: ['body'], msg: 'The body must be a JSON object' }])
}

function refused(issues: readonly Issue[]): AppError {
  return new AppError('invalid', issues.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '), {
    details: { issues },
  })
}

const CHECKS: Readonly<Record<Kind, (value: unknown, loc: Issue['loc']) => Issue[]>> = {
  string: (value, loc) =>
    unless(typeof value === 'string', { type: 'string_type', loc, msg: 'It must be a text' }),
  boolean: (value, loc) =>
    unless(typeof value === 'boolean', { type: 'bool_type', loc, msg: 'It must be true or false' }),
  strings: (value, loc) => {
    if (!Array.isArray(value)) return [listIssue(loc)]
    const wrong = value.findIndex((each) => typeof each !== 'string')
    return wrong < 0 ? [] : [{ type: 'string_type', loc: [...loc, wrong], msg: 'It must be a text' }]
  },
  columns: (value, loc) => {
    if (!isObject(value)) return [objectIssue(loc)]
    const wrong = Object.keys(value).find((name) => !Array.isArray(value[name]))
    return wrong === undefined ? [] : [listIssue([...loc, wrong])]
  },
  object: (value, loc) => unless(isObject(value), objectIssue(loc)),
}

function unless(holds: boolean, issue: Issue): Issue[] {
  return holds ? [] : [issue]
}

function listIssue(loc: Issue['loc']): Issue {
  return { type: 'list_type', loc, msg: 'It must be a list' }
}

function objectIssue(loc: Issue['loc']): Issue {
  return { type: 'dict_type', loc, msg: 'It must be an object' }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
