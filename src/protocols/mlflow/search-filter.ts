import type { Comparison, Filter, NumberOperator, OrderTerm } from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'

interface Attribute {
  /** Its name in our filter tree. */
  key: string
  kind: 'number' | 'text'
  /** May be compared with a list. */
  list?: boolean
}

/** What one kind of search accepts: MLflow's grammar is one, its vocabularies are not. */
export interface Vocabulary {
  attributes: Readonly<Record<string, Attribute>>
  entities: Readonly<Record<string, Entity>>
  /** Operators must be in upper case. */
  upperCaseOnly?: boolean
}

type Entity = 'metric' | 'param' | 'tag' | 'attribute' | 'dataset'

const TAGS = { tag: 'tag', tags: 'tag' } as const
const ATTRIBUTES = { attribute: 'attribute', attributes: 'attribute', attr: 'attribute' } as const
const METRICS = { metric: 'metric', metrics: 'metric' } as const
const PARAMS = { parameter: 'param', parameters: 'param', param: 'param', params: 'param' } as const
const startTime: Attribute = { key: 'startMs', kind: 'number' }
const runName: Attribute = { key: 'name', kind: 'text' }

export const RUNS: Vocabulary = {
  attributes: {
    run_id: { key: 'id', kind: 'text', list: true },
    run_name: runName,
    'run name': runName,
    'Run name': runName,
    'Run Name': runName,
    user_id: { key: 'userId', kind: 'text' },
    status: { key: 'status', kind: 'text' },
    artifact_uri: { key: 'artifactUri', kind: 'text' },
    start_time: startTime,
    created: startTime,
    Created: startTime,
    end_time: { key: 'endMs', kind: 'number' },
  },
  entities: {
    ...METRICS,
    ...PARAMS,
    ...TAGS,
    ...ATTRIBUTES,
    run: 'attribute',
    dataset: 'dataset',
    datasets: 'dataset',
  },
}

export const EXPERIMENTS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text' },
    experiment_id: { key: 'id', kind: 'text', list: true },
    creation_time: { key: 'createdMs', kind: 'number' },
    last_update_time: { key: 'updatedMs', kind: 'number' },
  },
  entities: { attribute: 'attribute', ...TAGS },
  upperCaseOnly: true,
}

export const REGISTERED_MODELS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text', list: true },
    creation_timestamp: { key: 'createdMs', kind: 'number' },
    last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
    timestamp: { key: 'updatedMs', kind: 'number' },
  },
  entities: { attribute: 'attribute', ...TAGS },
}

export const MODEL_VERSIONS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text', list: true },
    version_number: { key: 'version', kind: 'number' },
    run_id: { key: 'runId', kind: 'text', list: true },
    source_path: { key: 'source', kind: 'text' },
    creation_timestamp: { key: 'createdMs', kind: 'number' },
    last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
  },
  entities: { attribute: 'attribute', ...TAGS },
}

export const LOGGED_MODELS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text', list: true },
    model_id: { key: 'id', kind: 'text', list: true },
    model_type: { key: 'modelType', kind: 'text' },
    status: { key: 'status', kind: 'text' },
    source_run_id: { key: 'sourceRunId', kind: 'text', list: true },
    creation_timestamp: { key: 'createdMs', kind: 'number' },
    creation_time: { key: 'createdMs', kind: 'number' },
    last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
  },
  entities: { ...METRICS, ...PARAMS, ...TAGS, ...ATTRIBUTES },
}

const DATASET_KEYS = ['name', 'digest', 'context']
const IS_PROMPT = 'mlflow.prompt.is_prompt'
type PromptClause = { field: 'tag'; key: string; operator: '=' | '!='; value: string }
const NOT_PROMPT: Filter = { not: { field: 'tag', key: IS_PROMPT, operator: '=', value: 'true' } }
const MAX_LENGTH = 50_000

/** MLflow's filter: clauses joined by AND. Throws `invalid` in MLflow's words. */
export function parseSearchFilter(text: string | undefined, vocabulary: Vocabulary): Filter {
  if (text === undefined || text.trim() === '') return { and: [] }
  if (text.length > MAX_LENGTH) throw invalid(`Invalid filter: it may have ${MAX_LENGTH} characters`)
  const scanner = new Scanner(text)
  const clauses: Filter[] = []
  do {
    if (scanner.atEnd()) break
    clauses.push(parseClause(scanner, vocabulary))
  } while (scanner.take(/AND\b/iy))
  if (!scanner.atEnd()) throw invalid(`Invalid clause(s) in filter string: '${scanner.rest()}'`)
  return { and: clauses }
}

/**
 * The filter of a search of the registry. Prompts are registered models with a mark; they are found only by who asks for them. What lacks
 * the mark is no prompt, which MLflow's rule that `!=` needs the tag would not tell.
 */
export function parseRegistryFilter(text: string | undefined, vocabulary: Vocabulary): Filter {
  const filter = parseSearchFilter(text, vocabulary)
  const clauses = 'and' in filter ? filter.and : [filter]
  const [mark] = clauses.filter(isAboutPrompts)
  const asked = mark?.operator === '=' ? mark.value.toLowerCase() === 'true' : mark?.value === 'false'
  if (mark && asked) return filter
  return { and: [...clauses.filter((clause) => !isAboutPrompts(clause)), NOT_PROMPT] }
}

function isAboutPrompts(clause: Filter): clause is PromptClause {
  return (
    'field' in clause &&
    clause.field === 'tag' &&
    clause.key === IS_PROMPT &&
    (clause.operator === '=' || clause.operator === '!=')
  )
}

/** MLflow's order: `entity.key`, then ASC or DESC. */
export function parseOrderBy(clauses: readonly string[], vocabulary: Vocabulary): OrderTerm[] {
  const terms = clauses.map((clause) => {
    const scanner = new Scanner(clause)
    const { entity, name } = parseIdentifier(scanner, vocabulary)
    const direction = scanner.take(/(ASC|DESC)\b/iy)
    if (!scanner.atEnd()) throw invalid(`Invalid order_by clause '${clause}'. Could not be parsed.`)
    if (entity === 'dataset') throw invalid(`Invalid order_by entity type 'dataset' in '${clause}'`)
    const key = entity === 'attribute' ? attributeOf(vocabulary, name).key : name
    return { field: entity, key, descending: direction?.toUpperCase() === 'DESC' }
  })
  const seen = new Set<string>()
  for (const { field, key } of terms) {
    if (seen.has(`${field}.${key}`))
      throw invalid(`\`order_by\` contains duplicate fields: ${clauses.join(', ')}`)
    seen.add(`${field}.${key}`)
  }
  return terms
}

function parseClause(scanner: Scanner, vocabulary: Vocabulary): Filter {
  const { entity, name } = parseIdentifier(scanner, vocabulary)
  const operator = parseOperator(scanner, vocabulary)
  if (operator === 'IS NULL' || operator === 'IS NOT NULL') {
    if (entity !== 'tag' && entity !== 'param')
      throw invalid(
        `IS NULL / IS NOT NULL is only supported for tags and params, not for '${entity}' '${name}'`,
      )
    return { field: entity, key: name, operator: operator === 'IS NULL' ? 'missing' : 'exists' }
  }
  switch (entity) {
    case 'metric':
      return {
        field: 'metric',
        key: name,
        operator: numberOperator(operator),
        value: parseNumber(scanner, 'metric'),
      }
    case 'param':
    case 'tag':
      return textValue(scanner, { entity, name, operator })
    case 'dataset':
      if (!DATASET_KEYS.includes(name))
        throw invalid(`Invalid dataset key '${name}' specified. Valid keys are '${DATASET_KEYS.join(', ')}'`)
      return listOrText(scanner, { field: 'dataset', key: name, operator, list: true, name })
    case 'attribute': {
      const attribute = attributeOf(vocabulary, name)
      if (attribute.kind === 'text')
        return listOrText(scanner, {
          field: 'attribute',
          key: attribute.key,
          operator,
          list: attribute.list === true,
          name,
        })
      const value = parseNumber(scanner, `numeric attribute: ${name}`)
      return { field: 'attribute', key: attribute.key, operator: numberOperator(operator), value }
    }
  }
}

function textValue(
  scanner: Scanner,
  { entity, name, operator }: { entity: 'param' | 'tag'; name: string; operator: string },
): Filter {
  const text = textOperator(operator)
  const value = scanner.string()
  if (value === undefined)
    throw invalid(
      `Expected a quoted string value for ${entity === 'param' ? 'parameter' : 'tag'} (e.g. 'my-value'). Got value ${scanner.word()}`,
    )
  return { field: entity, key: name, operator: text, value }
}

function listOrText(
  scanner: Scanner,
  input: { field: 'attribute' | 'dataset'; key: string; operator: string; list: boolean; name: string },
): Comparison {
  const { field, key, operator, list, name } = input
  if (operator === 'IN' || operator === 'NOT IN') {
    if (!list)
      throw invalid(
        `The attribute '${name}' does not support comparison with a list of quoted string values.`,
      )
    return { field, key, operator: operator === 'IN' ? 'in' : 'not in', values: scanner.list() }
  }
  const text = textOperator(operator)
  const value = scanner.string()
  if (value === undefined)
    throw invalid(`Expected a quoted string value for attributes. Got value ${scanner.word()}`)
  return { field, key, operator: text, value }
}

/** `entity.key`, split at the first dot; without an entity it is an attribute. Either may be in back-ticks or quotes. */
function parseIdentifier(scanner: Scanner, { entities }: Vocabulary): { entity: Entity; name: string } {
  const first = scanner.identifierPart()
  if (first === undefined) throw invalid(`Invalid clause(s) in filter string: '${scanner.rest()}'`)
  if (!scanner.take(/\./y)) return { entity: 'attribute', name: first }
  const entity = Object.hasOwn(entities, first) ? entities[first] : undefined
  if (!entity)
    throw invalid(
      `Invalid entity type '${first}'. Valid values are ${[...new Set(Object.keys(entities))].join(', ')}`,
    )
  const name = scanner.identifierRest()
  if (name === undefined) throw invalid(`Invalid identifier '${first}.': a key must follow`)
  return { entity, name }
}

function attributeOf({ attributes }: Vocabulary, name: string): Attribute {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  if (attribute) return attribute
  throw invalid(
    `Invalid attribute key '${name}' specified. Valid keys are '${Object.keys(attributes).join(', ')}'`,
  )
}

function parseOperator(scanner: Scanner, { upperCaseOnly }: Vocabulary): string {
  const found = scanner.take(/(==|>=|<=|!=|<>|=|>|<|(NOT\s+IN|IN|LIKE|ILIKE|IS\s+NOT\s+NULL|IS\s+NULL)\b)/iy)
  if (found === undefined) throw invalid(`Invalid clause(s) in filter string: '${scanner.rest()}'`)
  if (upperCaseOnly && found !== found.toUpperCase()) throw badComparator(found)
  return found.toUpperCase().replaceAll(/\s+/g, ' ')
}

function numberOperator(operator: string): NumberOperator {
  if (['=', '!=', '<', '<=', '>', '>='].includes(operator)) return operator as NumberOperator
  throw badComparator(operator)
}

function textOperator(operator: string): '=' | '!=' | 'like' | 'ilike' {
  if (operator === '=' || operator === '!=') return operator
  if (operator === 'LIKE' || operator === 'ILIKE') return operator.toLowerCase() as 'like' | 'ilike'
  throw badComparator(operator)
}

function badComparator(operator: string) {
  return invalid(`Invalid comparator '${operator}'`)
}

function parseNumber(scanner: Scanner, what: string): number {
  const text = scanner.take(/[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?![\w.])/iy)
  if (text === undefined) throw invalid(`Expected numeric value type for ${what}. Found ${scanner.word()}`)
  return Number(text)
}

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Takes what the sticky pattern matches here, after white space. */
  take(pattern: RegExp): string | undefined {
    this.#skip()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (!found) return undefined
    this.#at += found[0].length
    return found[0]
  }

  atEnd(): boolean {
    this.#skip()
    return this.#at >= this.#text.length
  }

  rest(): string {
    return this.#text.slice(this.#at, this.#at + 200).trim()
  }

  word(): string {
    return this.rest().split(/\s/)[0] ?? ''
  }

  /** A name before the first dot. */
  identifierPart(): string | undefined {
    return unquoted(this.take(/`[^`]+`|"[^"]+"|[A-Za-z_]\w*/y))
  }

  /** Everything after the first dot: a quoted key, or one without spaces. */
  identifierRest(): string | undefined {
    return unquoted(this.take(/`[^`]+`|"[^"]+"|'[^']+'|[\w][\w.\-/:]*/y))
  }

  string(): string | undefined {
    return unquoted(this.take(/'(?:[^']|'')*'|"(?:[^"]|"")*"/y))
  }

  list(): string[] {
    const illFormed = invalid(
      'While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.',
    )
    if (!this.take(/\(/y)) throw illFormed
    const values: string[] = []
    do {
      const value = this.string()
      if (value === undefined) {
        if (values.length > 0 && this.rest().startsWith(')')) break
        throw illFormed
      }
      values.push(value)
    } while (this.take(/,/y))
    if (!this.take(/\)/y)) throw illFormed
    return values
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }
}

function unquoted(token: string | undefined): string | undefined {
  const quote = token?.[0]
  if (token === undefined || quote === undefined || !'`"\''.includes(quote)) return token
  return token.slice(1, -1).replaceAll(quote + quote, quote)
}
