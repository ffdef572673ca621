import type { Comparison, Filter, NumberOperator, OrderTerm } from '../../search/search.ts'
import { invalid } from './errors.ts'
import { Scanner } from './filter-scanner.ts'
import type { Attribute, Entity, Vocabulary } from './search-vocabulary.ts'

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
    if (entity === 'dataset' || (vocabulary.order && !vocabulary.order.entities.includes(entity)))
      throw invalid(`Invalid order_by entity '${entity}' in '${clause}'`)
    const known = vocabulary.order?.attributes ?? vocabulary.attributes
    const key = entity === 'attribute' ? attributeOf(known, name).key : name
    return { field: entity, key, descending: direction?.toUpperCase() === 'DESC' }
  })
  if (vocabulary.orderRepeats) return [...Map.groupBy(terms, fieldOf).values()].map(([term]) => term!)
  const seen = new Set<string>()
  for (const term of terms) {
    if (seen.has(fieldOf(term)))
      throw invalid(`\`order_by\` contains duplicate fields: ${clauses.join(', ')}`)
    seen.add(fieldOf(term))
  }
  return terms
}

function fieldOf({ field, key }: OrderTerm): string {
  return `${field}.${key}`
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
  const bare = vocabulary.bareTexts === true
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
      return textValue(scanner, { entity, name, operator, bare })
    case 'dataset':
      if (!DATASET_KEYS.includes(name))
        throw invalid(`Invalid dataset key '${name}' specified. Valid keys are '${DATASET_KEYS.join(', ')}'`)
      return listOrText(scanner, { field: 'dataset', key: name, operator, list: true, name, bare })
    case 'attribute': {
      const attribute = attributeOf(vocabulary.attributes, name)
      if (attribute.kind === 'text')
        return listOrText(scanner, {
          field: 'attribute',
          key: attribute.key,
          operator,
          list: attribute.list === true,
          name,
          bare,
        })
      const value = parseNumber(scanner, `numeric attribute: ${name}`, attribute.quoted)
      return { field: 'attribute', key: attribute.key, operator: numberOperator(operator), value }
    }
  }
}

function textValue(
  scanner: Scanner,
  {
    entity,
    name,
    operator,
    bare,
  }: { entity: 'param' | 'tag'; name: string; operator: string; bare: boolean },
): Filter {
  const text = textOperator(operator)
  const value = scanner.string() ?? (bare ? scanner.bare() : undefined)
  if (value === undefined)
    throw invalid(
      `Expected a quoted string value for ${entity === 'param' ? 'parameter' : 'tag'} (e.g. 'my-value'). Got value ${scanner.word()}`,
    )
  return { field: entity, key: name, operator: text, value }
}

function listOrText(
  scanner: Scanner,
  input: {
    field: 'attribute' | 'dataset'
    key: string
    operator: string
    list: boolean
    name: string
    bare: boolean
  },
): Comparison {
  const { field, key, operator, list, name, bare } = input
  if (operator === 'IN' || operator === 'NOT IN') {
    if (!list)
      throw invalid(
        `The attribute '${name}' does not support comparison with a list of quoted string values.`,
      )
    return { field, key, operator: operator === 'IN' ? 'in' : 'not in', values: scanner.list() }
  }
  const text = textOperator(operator)
  const value = scanner.string() ?? (bare ? scanner.bare() : undefined)
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

function attributeOf(attributes: Vocabulary['attributes'], name: string): Attribute {
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

const NUMBER = /-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?![\w.])/iy

function parseNumber(scanner: Scanner, what: string, quoted = false): number {
  const text = scanner.take(NUMBER) ?? (quoted ? scanner.take(/'-?\d{1,15}'/y)?.slice(1, -1) : undefined)
  if (text === undefined) throw invalid(`Expected numeric value type for ${what}. Found ${scanner.word()}`)
  return Number(text)
}
