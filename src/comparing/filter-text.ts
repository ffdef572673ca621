import type { Comparison, Filter, NumberOperator } from '../search/search.ts'
import { at, isWord, tokenize, wrong, type Token } from './filter-tokens.ts'

type Field = 'metric' | 'param' | 'tag' | 'attribute' | 'dataset'

const FIELDS: Readonly<Record<string, Field>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attr: 'attribute',
  attribute: 'attribute',
  attributes: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
}

const ATTRIBUTES: Readonly<Record<string, { key: string; kind: 'text' | 'time' }>> = {
  id: { key: 'id', kind: 'text' },
  run_id: { key: 'id', kind: 'text' },
  name: { key: 'name', kind: 'text' },
  run_name: { key: 'name', kind: 'text' },
  status: { key: 'status', kind: 'text' },
  user: { key: 'userId', kind: 'text' },
  user_id: { key: 'userId', kind: 'text' },
  parent: { key: 'parentRunId', kind: 'text' },
  artifact_uri: { key: 'artifactUri', kind: 'text' },
  started: { key: 'startMs', kind: 'time' },
  start_time: { key: 'startMs', kind: 'time' },
  created: { key: 'startMs', kind: 'time' },
  ended: { key: 'endMs', kind: 'time' },
  end_time: { key: 'endMs', kind: 'time' },
}
const NULLABLE = new Set(['parentRunId', 'endMs'])
const DATASET_KEYS = ['name', 'digest', 'context']
const NUMBER_OPERATORS: readonly string[] = ['=', '!=', '<', '<=', '>', '>=']
const EXAMPLE =
  "Write metrics.<name> > 0.5, params.<name> = 'text', tags.<name> = 'text' or status = 'FINISHED'."
const MAX_LENGTH = 10_000
const MAX_DEPTH = 12
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/**
 * What a person types to find runs, as a filter tree: comparisons as MLflow writes them (`metrics.auc > 0.64`, `params.learner = 'trees'`,
 * `status IN ('FAILED', 'KILLED')`, `tags.team IS NULL`) joined by `and`, `or`, `not` and parentheses; times as dates or ages
 * (`started > '2026-01-31'`, `started > -7d`); and plain words, which a name must contain. Empty text matches everything. Throws `invalid`
 * with `details.position` and `details.length`, where in the text the problem is.
 */
export function parseFilterText(text: string, nowMs: number): Filter {
  if (text.length > MAX_LENGTH) throw wrong(`A filter may have ${MAX_LENGTH} characters`, MAX_LENGTH, 1)
  const tokens = tokenize(text)
  if (tokens.length === 1) return { and: [] }
  const parser = new Parser(tokens, nowMs)
  return parser.parse()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #nowMs: number
  #at = 0

  constructor(tokens: readonly Token[], nowMs: number) {
    this.#tokens = tokens
    this.#nowMs = nowMs
  }

  parse(): Filter {
    const filter = this.#or(0)
    const rest = this.#peek()
    if (rest.kind !== 'end') throw at(rest, `“${rest.text}” can't stand here. Join comparisons by and, or.`)
    return filter
  }

  #or(depth: number): Filter {
    if (depth > MAX_DEPTH) throw at(this.#peek(), `A filter may be nested ${MAX_DEPTH} deep`)
    const parts = [this.#and(depth)]
    while (this.#takeWord('or')) parts.push(this.#and(depth))
    return parts.length === 1 ? parts[0]! : { or: parts }
  }

  /** Two comparisons without a word between them are joined by `and`. */
  #and(depth: number): Filter {
    const parts = [this.#unary(depth)]
    while (this.#takeWord('and') || this.#beginsAnother()) parts.push(this.#unary(depth))
    return parts.length === 1 ? parts[0]! : { and: parts }
  }

  #beginsAnother(): boolean {
    const next = this.#peek()
    if (next.kind === 'operator') return next.text === '('
    return next.kind !== 'end' && !isWord(next, 'or') && !isWord(next, 'and')
  }

  #unary(depth: number): Filter {
    if (depth > MAX_DEPTH) throw at(this.#peek(), `A filter may be nested ${MAX_DEPTH} deep`)
    if (this.#takeWord('not')) return { not: this.#unary(depth + 1) }
    if (!this.#takeOperator('(')) return this.#comparison()
    const inner = this.#or(depth + 1)
    if (!this.#takeOperator(')')) throw at(this.#peek(), 'A closing parenthesis is missing')
    return inner
  }

  #comparison(): Filter {
    const subject = this.#next()
    if (subject.kind === 'operator' || subject.kind === 'end')
      throw at(subject, `A comparison is missing. ${EXAMPLE}`)
    const operator = this.#operator()
    if (operator === undefined) return this.#nameContains(subject)
    if (subject.kind === 'text')
      throw at(subject, `A comparison begins with a name, not with a text. ${EXAMPLE}`)
    const { field, key, time } = fieldOf(subject)
    if (operator.text === 'is null' || operator.text === 'is not null')
      return nullness(subject, { field, key }, operator)
    if (operator.text === 'in' || operator.text === 'not in')
      return this.#membership({ field, key }, operator)
    if (field === 'metric' || time) {
      if (!NUMBER_OPERATORS.includes(operator.text))
        throw at(
          operator,
          `${field === 'metric' ? 'A metric' : 'A time'} is compared by ${NUMBER_OPERATORS.join(' ')}`,
        )
      const value = time ? this.#time() : this.#number()
      const compared = { key, operator: operator.text as NumberOperator, value }
      return field === 'metric' ? { field, ...compared } : { field: 'attribute', ...compared }
    }
    return this.#textComparison({ field, key }, operator)
  }

  #textComparison({ field, key }: { field: Exclude<Field, 'metric'>; key: string }, operator: Token): Filter {
    const value = this.#value()
    const upper = key === 'status' && field === 'attribute' ? value.text.toUpperCase() : value.text
    switch (operator.text) {
      case '=':
      case '!=':
      case 'like':
      case 'ilike':
        return textFilter(field, { key, operator: operator.text, value: upper })
      case '~':
      case 'contains':
        return textFilter(field, { key, operator: 'ilike', value: `%${value.text}%` })
      default:
        throw at(operator, `A text is compared by = != like ilike contains in, not by ${operator.text}`)
    }
  }

  #membership({ field, key }: { field: Field; key: string }, operator: Token): Filter {
    if (field === 'metric') throw at(operator, 'A metric is compared with a number, not with a list')
    if (!this.#takeOperator('(')) throw at(this.#peek(), "A list is missing: write in ('a', 'b')")
    const values = [this.#value().text]
    while (this.#takeOperator(',')) values.push(this.#value().text)
    if (!this.#takeOperator(')')) throw at(this.#peek(), 'The list is not closed by )')
    if (field === 'attribute' || field === 'dataset')
      return { field, key, operator: operator.text === 'in' ? 'in' : 'not in', values }
    const any: Filter = { or: values.map((value): Comparison => ({ field, key, operator: '=', value })) }
    return operator.text === 'in' ? any : { and: [{ field, key, operator: 'exists' }, { not: any }] }
  }

  #nameContains(word: Token): Filter {
    if (
      word.kind === 'word' &&
      /^\w+\..|^\W+$/.test(word.text) &&
      Object.hasOwn(FIELDS, word.text.split('.')[0]!)
    )
      throw at(this.#peek(), `After ${word.text} a comparison must follow, such as ${word.text} > 0.5`)
    if (word.kind === 'word' && !/^[\p{L}\p{N}_.:/-]+$/u.test(word.text))
      throw at(word, `Can't read “${word.text}”. ${EXAMPLE}`)
    return { field: 'attribute', key: 'name', operator: 'ilike', value: `%${word.text}%` }
  }

  #operator(): Token | undefined {
    const first = this.#peek()
    const negated = isWord(first, 'not') && isWord(this.#tokens[this.#at + 1], 'in')
    if (negated) {
      this.#at += 2
      return { ...first, text: 'not in' }
    }
    if (first.kind === 'operator' && !'(),'.includes(first.text)) {
      this.#at++
      return { ...first, text: first.text === '==' ? '=' : first.text === '<>' ? '!=' : first.text }
    }
    if (isWord(first, 'is')) {
      this.#at++
      const not = this.#takeWord('not')
      if (!this.#takeWord('null')) throw at(this.#peek(), 'After is, null or not null must follow')
      return { ...first, text: not ? 'is not null' : 'is null' }
    }
    const word = first.text.toLowerCase()
    if (first.kind !== 'word' || first.quoted || !['like', 'ilike', 'in', 'contains'].includes(word))
      return undefined
    this.#at++
    return { ...first, text: word }
  }

  #value(): Token {
    const token = this.#next()
    if (token.kind === 'text' || token.kind === 'word') return token
    throw at(token, 'A value is missing')
  }

  #number(): number {
    const token = this.#value()
    const value = Number(token.text)
    if (token.kind === 'word' && Number.isFinite(value)) return value
    throw at(token, `A metric is compared with a number, not with “${token.text}”`)
  }

  #time(): number {
    const token = this.#value()
    const age = /^-(\d+)([mhdw])$/.exec(token.text)
    if (age) return this.#nowMs - Number(age[1]) * UNIT_MS[age[2]!]!
    const plain = Number(token.text)
    if (Number.isFinite(plain)) return plain
    const zoned =
      /\d:\d/.test(token.text) && !/(z|[+-]\d\d:?\d\d)$/i.test(token.text) ? `${token.text}Z` : token.text
    const ms = /^\d{4}-\d\d/.test(token.text) ? Date.parse(zoned) : Number.NaN
    if (Number.isFinite(ms)) return ms
    throw at(
      token,
      `“${token.text}” is no time: write '2026-01-31', '2026-01-31T14:00' (UTC) or an age such as -7d or -12h`,
    )
  }

  #peek(): Token {
    return this.#tokens[this.#at]!
  }

  #next(): Token {
    const token = this.#peek()
    if (token.kind !== 'end') this.#at++
    return token
  }

  #takeWord(word: string): boolean {
    if (!isWord(this.#peek(), word)) return false
    this.#at++
    return true
  }

  #takeOperator(operator: string): boolean {
    const next = this.#peek()
    if (next.kind !== 'operator' || next.text !== operator) return false
    this.#at++
    return true
  }
}

function fieldOf(subject: Token): { field: Field; key: string; time: boolean } {
  const dot = subject.text.indexOf('.')
  const prefix = dot === -1 ? '' : subject.text.slice(0, dot)
  const field =
    dot === -1
      ? 'attribute'
      : Object.hasOwn(FIELDS, prefix.toLowerCase())
        ? FIELDS[prefix.toLowerCase()]
        : undefined
  const key = subject.text.slice(dot + 1)
  if (field === undefined) throw at(subject, `There is nothing called “${prefix}.” to filter by. ${EXAMPLE}`)
  if (key === '') throw at(subject, `A name is missing after ${prefix}.`)
  if (field === 'dataset' && !DATASET_KEYS.includes(key))
    throw at(subject, `A dataset has ${DATASET_KEYS.join(', ')}, but no ${key}`)
  if (field !== 'attribute') return { field, key, time: false }
  const attribute = Object.hasOwn(ATTRIBUTES, key.toLowerCase()) ? ATTRIBUTES[key.toLowerCase()] : undefined
  if (!attribute)
    throw at(
      subject,
      `A run has no “${key}”: it has name, status, started, ended, user, id, parent. ${EXAMPLE}`,
    )
  return { field, key: attribute.key, time: attribute.kind === 'time' }
}

function textFilter(
  field: Exclude<Field, 'metric'>,
  rest: { key: string; operator: '=' | '!=' | 'like' | 'ilike'; value: string },
): Filter {
  return field === 'param' || field === 'tag' ? { field, ...rest } : { field, ...rest }
}

function nullness(subject: Token, { field, key }: { field: Field; key: string }, { text }: Token): Filter {
  const operator = text === 'is null' ? 'missing' : 'exists'
  if (field === 'param' || field === 'tag') return { field, key, operator }
  if (field === 'attribute' && NULLABLE.has(key)) return { field, key, operator }
  throw at(subject, 'Only a param, a tag, parent and ended can be null')
}
