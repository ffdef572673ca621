import type { FeatureEntry } from './entries.ts'

export interface FoundEntry<Entry extends FeatureEntry = FeatureEntry> {
  entry: Entry
  /** Where the text was found, such as `feature mean_delay_3h` or `tag delay`; null for its own name. */
  match: string | null
}

interface Field {
  /** What the field is called; undefined for the entry's own name. */
  name?: string
  text: string
  /** Less is better. */
  rank: number
}

/**
 * Entries that have every word of the text in their name, features, tags, owner, description, columns, or code; the best
 * first: those named so, then those with such a feature, and so on in this order.
 */
export function searchEntries<Entry extends FeatureEntry>(
  entries: readonly Entry[],
  text: string,
): FoundEntry<Entry>[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return entries.map((entry) => ({ entry, match: null }))
  const found = entries.flatMap((entry) => {
    const fields = fieldsOf(entry)
    const hits = words.map((word) => bestField(fields, word))
    const worst = hits.reduce<Field | undefined>(
      (least, hit) => (least === undefined || hit === undefined || hit.rank > least.rank ? hit : least),
      hits[0],
    )
    if (hits.includes(undefined) || worst === undefined) return []
    return [{ entry, match: worst.name ?? null, rank: worst.rank }]
  })
  return found
    .sort((a, b) => a.rank - b.rank || (a.entry.name < b.entry.name ? -1 : 1))
    .map(({ entry, match }) => ({ entry, match }))
}

function bestField(fields: readonly Field[], word: string): Field | undefined {
  let best: Field | undefined
  for (const field of fields) {
    const text = field.text.toLowerCase()
    if (!text.includes(word)) continue
    const exact = text === word ? 0 : text.startsWith(word) ? 0.1 : 0.2
    const rank = field.rank + exact
    if (best === undefined || rank < best.rank) best = { ...field, rank }
  }
  return best
}

function fieldsOf({
  name,
  features,
  tags,
  owner,
  description,
  entities,
  dataset,
  columns,
  code,
}: FeatureEntry): Field[] {
  return [
    { text: name, rank: 0 },
    ...features.map((each) => ({ name: `feature ${each.name}`, text: each.name, rank: 1 })),
    ...tags.map((tag) => ({ name: `tag ${tag}`, text: tag, rank: 2 })),
    ...(owner === null ? [] : [{ name: `owner ${owner}`, text: owner, rank: 3 }]),
    ...(description === null ? [] : [{ name: 'description', text: description, rank: 4 }]),
    ...features.flatMap((each) =>
      each.description === null
        ? []
        : [{ name: `description of ${each.name}`, text: each.description, rank: 5 }],
    ),
    ...entities.map((entity) => ({ name: `entity ${entity}`, text: entity, rank: 6 })),
    ...(dataset === null ? [] : [{ name: `dataset ${dataset}`, text: dataset, rank: 6 }]),
    ...columns.map((column) => ({ name: `column ${column}`, text: column, rank: 7 })),
    ...(code === null ? [] : [{ name: 'code', text: code, rank: 8 }]),
  ]
}
