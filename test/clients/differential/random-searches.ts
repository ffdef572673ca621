import * as fc from 'fast-check'
import { API } from './cases.ts'
import {
  CONTEXTS,
  DATASETS,
  DIGESTS,
  METRICS,
  NUMBERS,
  PARAMS,
  RUNS,
  STATUSES,
  TAGS,
  TEXTS,
  USERS,
  startOf,
} from './population.ts'
import type { Subject } from './servers.ts'

export interface RunSearch {
  filter: string
  order_by: string[]
  run_view_type: string
  max_results: number
}

const oneOf = <Item>(...items: readonly Item[]): fc.Arbitrary<Item> => fc.constantFrom(...items)

const comparators = oneOf('=', '!=', '<', '<=', '>', '>=')

function mixedCase(word: string): fc.Arbitrary<string> {
  return oneOf(word, word.toLowerCase(), word[0]! + word.slice(1).toLowerCase())
}

/** A key as it may be written: bare where that is allowed, in back-ticks or in quotes. */
function quotedKey(key: string): fc.Arbitrary<string> {
  const forms = [`\`${key}\``, `"${key}"`]
  return oneOf(...(/^[A-Za-z_][\w.]*$/.test(key) ? [key, ...forms] : forms))
}

function fieldOf(entities: readonly string[], keys: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(oneOf(...entities), oneOf(...keys, 'absent').chain(quotedKey))
    .map(([entity, key]) => `${entity}.${key}`)
}

function literal(text: string): fc.Arbitrary<string> {
  return oneOf(...(text.includes('"') ? [] : [`"${text}"`]), ...(text.includes("'") ? [] : [`'${text}'`]))
}

/** Part of a text with wildcards in it. */
const pattern = fc
  .tuple(oneOf(...TEXTS), fc.array(fc.tuple(fc.nat(6), oneOf('%', '_', '', '%%', '_%')), { maxLength: 3 }))
  .map(([text, changes]) => {
    const letters = Array.from(text)
    for (const [at, put] of changes) if (at <= letters.length) letters.splice(at, 1, put)
    return letters.join('')
  })

const anyText = fc.oneof(
  oneOf(...TEXTS),
  pattern,
  oneOf(...TEXTS).map((text) => text.toUpperCase()),
)

const numberLiteral = oneOf(...NUMBERS).chain((number) =>
  oneOf(
    String(number).replace('+', ''),
    ...(Number.isInteger(number) && Math.abs(number) < 1e9 ? [number.toFixed(1), `${number}e0`] : []),
  ),
)

function textComparison(texts: fc.Arbitrary<string>, lists: boolean): fc.Arbitrary<string> {
  const values = texts.chain(literal)
  const list = fc
    .array(values, { minLength: 1, maxLength: 3 })
    .map((items) => (items.length === 1 ? `(${items[0]!},)` : `(${items.join(', ')})`))
  return fc
    .oneof(
      fc.tuple(oneOf('=', '!='), values),
      fc.tuple(fc.oneof(mixedCase('LIKE'), mixedCase('ILIKE')), values),
      ...(lists ? [fc.tuple(oneOf('IN', 'NOT IN'), list)] : []),
    )
    .map(([operator, value]) => `${operator} ${value}`)
}

const clause = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fieldOf(['metrics', 'metric'], METRICS), comparators, numberLiteral)
      .map((parts) => parts.join(' ')),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.oneof(
          fieldOf(['params', 'param', 'parameters', 'parameter'], PARAMS),
          fieldOf(['tags', 'tag'], TAGS),
        ),
        fc.oneof(textComparison(anyText, false), mixedCase('IS NULL'), mixedCase('IS NOT NULL')),
      )
      .map((parts) => parts.join(' ')),
  },
  {
    weight: 2,
    arbitrary: fc
      .oneof(
        fc.tuple(
          oneOf('run_name', 'attributes.run_name', 'attribute.`Run name`'),
          textComparison(anyText, false),
        ),
        fc.tuple(
          oneOf('status', 'attr.status', 'run.status'),
          textComparison(oneOf(...STATUSES, 'failed', 'F%', '%ED'), false),
        ),
        fc.tuple(
          oneOf('user_id', 'attributes.user_id'),
          textComparison(oneOf(...USERS, 'BOB', '%o%', 'eve_'), false),
        ),
        fc.tuple(
          oneOf('run_id', 'attributes.run_id'),
          fc.oneof(
            textComparison(
              fc.nat(RUNS - 1).map((index) => `\${run${index}}`),
              true,
            ),
            oneOf("LIKE '%'", "ILIKE '%'"),
          ),
        ),
        fc.tuple(
          oneOf('start_time', 'attributes.start_time', 'created', 'end_time', 'attributes.end_time'),
          fc.tuple(comparators, fc.nat(RUNS).map(startOf)).map((parts) => parts.join(' ')),
        ),
      )
      .map((parts) => parts.join(' ')),
  },
  {
    weight: 2,
    arbitrary: fc
      .oneof(
        fc.tuple(
          oneOf('dataset.name', 'datasets.name'),
          textComparison(oneOf(...DATASETS, 't%', '_rain'), true),
        ),
        fc.tuple(oneOf('dataset.digest'), textComparison(oneOf(...DIGESTS, 'D_', '%'), true)),
        fc.tuple(oneOf('dataset.context'), textComparison(oneOf(...CONTEXTS, 'EVAL', '%ing'), true)),
      )
      .map((parts) => parts.join(' ')),
  },
)

const orderTerm = fc
  .tuple(
    fc.oneof(
      fieldOf(['metrics', 'metric'], METRICS),
      fieldOf(['params', 'parameter'], PARAMS),
      fieldOf(['tags', 'tag'], TAGS),
      oneOf('start_time', 'attributes.end_time', 'status', 'run_name', 'attribute.user_id'),
    ),
    fc.oneof(oneOf(''), mixedCase('ASC'), mixedCase('DESC')),
  )
  .map((parts) => parts.join(' ').trim())

export const runSearch: fc.Arbitrary<RunSearch> = fc.record({
  filter: fc
    .tuple(fc.array(clause, { maxLength: 3 }), mixedCase('AND'))
    .map(([clauses, and]) => clauses.join(` ${and} `)),
  order_by: fc.uniqueArray(orderTerm, {
    maxLength: 3,
    selector: (term) => term.split(' ')[0]!.split('.').at(-1)!.replaceAll(/[`"]/g, ''),
  }),
  run_view_type: fc.oneof({ weight: 3, arbitrary: oneOf('ACTIVE_ONLY') }, oneOf('DELETED_ONLY', 'ALL')),
  max_results: oneOf(7, 25, 1000),
})

/** Every page that a search answers, each run as when it started, or the status of its refusal. */
export async function pagesOf(subject: Subject, search: RunSearch): Promise<(number | number[])[]> {
  const experiment_ids = ['${population}']
  const pages: (number | number[])[] = []
  let page_token = ''
  do {
    const body = subject.withIds({ experiment_ids, ...search, page_token })
    const found = await subject.send('POST', `${API}/runs/search`, { body })
    if (found.status !== 200) return [...pages, found.status]
    const answer = found.body as { runs?: { info: { start_time: number } }[]; next_page_token?: string }
    pages.push((answer.runs ?? []).map(({ info }) => info.start_time))
    page_token = answer.next_page_token ?? ''
  } while (page_token !== '')
  return pages
}
