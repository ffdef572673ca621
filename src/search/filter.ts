import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import { textOperators } from '../ports/db/match.ts'

const numberOperators = ['=', '!=', '<', '<=', '>', '>='] as const
export type NumberOperator = (typeof numberOperators)[number]

const NumberOperator = z.enum(numberOperators)
const TextOperator = z.enum(textOperators)
const ListOperator = z.enum(['in', 'not in'])
const key = z.string().min(1)
const values = z.array(z.string()).min(1).max(1000)

const DatasetReference = z.strictObject({ name: z.string(), digest: z.string().optional() })
export type DatasetReference = z.infer<typeof DatasetReference>
const datasets = z.array(DatasetReference).min(1).max(100)

/** What a filter compares; each kind of thing that is searched supports some of the fields and attributes. */
export const Comparison = z.union([
  z.strictObject({
    field: z.literal('metric'),
    key,
    operator: NumberOperator,
    value: z.number(),
    datasets: datasets.optional().describe('Of logged models: measured on one of these'),
  }),
  z.strictObject({ field: z.literal('measured'), datasets }),
  z.strictObject({ field: z.enum(['param', 'tag']), key, operator: TextOperator, value: z.string() }),
  z.strictObject({ field: z.enum(['param', 'tag']), key, operator: z.enum(['exists', 'missing']) }),
  z.strictObject({ field: z.literal('attribute'), key, operator: z.enum(['exists', 'missing']) }),
  z.strictObject({ field: z.literal('attribute'), key, operator: NumberOperator, value: z.number() }),
  z.strictObject({ field: z.enum(['attribute', 'dataset']), key, operator: TextOperator, value: z.string() }),
  z.strictObject({ field: z.enum(['attribute', 'dataset']), key, operator: ListOperator, values }),
])
export type Comparison = z.infer<typeof Comparison>

/** A filter tree: comparisons joined by `and`, `or` and `not`. */
export type Filter = Comparison | { and: Filter[] } | { or: Filter[] } | { not: Filter }

export const Filter: z.ZodType<Filter> = z.lazy(() =>
  z.union([
    Comparison,
    z.strictObject({ and: z.array(Filter) }),
    z.strictObject({ or: z.array(Filter).min(1) }),
    z.strictObject({ not: Filter }),
  ]),
)

export const OrderTerm = z.strictObject({
  field: z.enum(['metric', 'param', 'tag', 'attribute']),
  key,
  descending: z.boolean().default(false),
  dataset: DatasetReference.optional().describe('Of a metric of logged models: measured on this'),
})
export type OrderTerm = z.infer<typeof OrderTerm>

const MAX_COMPARISONS = 100
const MAX_DEPTH = 16
const MAX_TEXT = 100_000

/** Reads a filter from its JSON text, as the REST query parameter carries it. */
export function parseFilter(text: string): Filter {
  if (text.length > MAX_TEXT) throw new AppError('invalid', `A filter may have ${MAX_TEXT} characters`)
  return parseJson(Filter, text, 'filter')
}

export function parseOrder(text: string): OrderTerm[] {
  return parseJson(z.array(OrderTerm).max(5), text, 'orderBy')
}

/** Reads a value from JSON text. Throws `invalid` with the name of the parameter. */
export function parseJson<Value>(schema: z.ZodType<Value>, text: string, name: string): Value {
  let json: unknown
  try {
    json = JSON.parse(text)
    checkNesting(json)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('invalid', `${name} is no JSON: ${(error as Error).message}`, { cause: error })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new AppError('invalid', `Wrong ${name}: ${z.prettifyError(parsed.error)}`)
}

function checkNesting(value: unknown, depth = 0): void {
  if (depth > 2 * MAX_DEPTH) throw tooDeep()
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value)) checkNesting(member, depth + 1)
}

/** Throws `invalid` for a filter that would cost more than a bounded effort. */
export function requireBounded(filter: Filter): void {
  let comparisons = 0
  const visit = (node: Filter, depth: number): void => {
    if (depth > MAX_DEPTH) throw tooDeep()
    if ('and' in node) for (const child of node.and) visit(child, depth + 1)
    else if ('or' in node) for (const child of node.or) visit(child, depth + 1)
    else if ('not' in node) visit(node.not, depth + 1)
    else if (++comparisons > MAX_COMPARISONS)
      throw new AppError('invalid', `A filter may have at most ${MAX_COMPARISONS} comparisons`)
  }
  visit(filter, 0)
}

function tooDeep(): AppError {
  return new AppError('invalid', `A filter may be nested at most ${MAX_DEPTH} deep`)
}
