/** What a person types, `metrics.auc > 0.64 and params.learner = 'trees'`, as the tree that the server takes. */
export interface Comparison {
  field: 'metric' | 'param' | 'tag' | 'attribute'
  key: string
  operator: string
  value: string | number
}

const fields: Record<string, Comparison['field']> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
}
const comparison =
  /^\s*(?:(\w+)\.)?(?:`([^`]+)`|([\w./-]+))\s*(!=|>=|<=|=|>|<|\blike\b|\bilike\b)\s*(?:'([^']*)'|"([^"]*)"|(\S+))\s*$/i
const joint = /\s+and\s+(?=(?:[^'"]*['"][^'"]*['"])*[^'"]*$)/i

/** Throws with what is wrong and what would be right. */
export function parseFilterText(text: string): { and: Comparison[] } | undefined {
  if (text.trim() === '') return undefined
  return { and: text.trim().split(joint).map(parseComparison) }
}

function parseComparison(text: string): Comparison {
  const [, prefix, quotedKey, bareKey, operator = '', single, double, bare] = comparison.exec(text) ?? []
  const key = quotedKey ?? bareKey
  const field = prefix === undefined ? 'attribute' : fields[prefix.toLowerCase()]
  if (key === undefined || field === undefined) {
    throw new Error(
      `Can't read “${text.trim()}”. Write metrics.<name> > 0.5, params.<name> = 'text', tags.<name> = 'text' or status = 'FINISHED'.`,
    )
  }
  const value = single ?? double ?? bare ?? ''
  const number = Number(value)
  if (field === 'metric' && (bare === undefined || Number.isNaN(number))) {
    throw new Error(`A metric is compared with a number, not with “${value}”.`)
  }
  const asNumber =
    field === 'metric' || (field === 'attribute' && bare !== undefined && !Number.isNaN(number))
  return { field, key, operator: operator.toLowerCase(), value: asNumber ? number : value }
}
