import type { Answer, Subject } from './servers.ts'

/** Times and names of persons differ by nature; what is empty may be left out. */
const VOLATILE = new Set([
  'creation_time',
  'creation_timestamp',
  'creation_timestamp_ms',
  'last_update_time',
  'last_updated_timestamp',
  'last_updated_timestamp_ms',
  'user_id',
  // MLflow tells its only workspace, Tidemill has projects.
  'workspace',
])

/** Lists whose order means nothing. */
const UNORDERED = new Set([
  'aliases',
  'dataset_inputs',
  'dataset_summaries',
  'latest_versions',
  'metrics',
  'params',
  'tags',
])

/** Of what a search finds only which it is; `get` tells the rest. */
const FOUND: Readonly<Record<string, (item: Record<string, Record<string, unknown>>) => unknown>> = {
  experiments: (item) => item['name'],
  model_versions: (item) => [item['name'], item['version']],
  models: (item) => item['info']?.['name'],
  registered_models: (item) => item['name'],
  runs: (item) => item['info']?.['run_name'],
}

/** What of an answer must be the same on both servers: of an error the status and the code. */
export function comparable(subject: Subject, { status, body }: Answer, ordered: boolean): unknown {
  if (status >= 400) {
    const code = (body as { error_code?: string } | null)?.error_code
    return { status, error_code: code }
  }
  return { status, body: simplify(JSON.parse(subject.name(JSON.stringify(body))), ordered) }
}

function simplify(value: unknown, ordered: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => simplify(item, ordered))
  if (typeof value !== 'object' || value === null) return value
  const members: [string, unknown][] = []
  for (const [key, member] of Object.entries(value)) {
    if (VOLATILE.has(key) || isEmpty(member)) continue
    // Numbers of experiments that were made after one that only one of the servers refused
    if (key === 'experiment_id') {
      members.push([key, '<experiment>'])
      continue
    }
    const found = FOUND[key]
    if (key === 'next_page_token') members.push([key, '<token>'])
    else if (found && Array.isArray(member)) members.push([key, member.map(found)])
    else if (Array.isArray(member) && UNORDERED.has(key) && !ordered)
      members.push([key, simplify(sorted(member), ordered)])
    else {
      const simple = simplify(member, ordered)
      if (!isEmpty(simple)) members.push([key, simple])
    }
  }
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function sorted(list: unknown[]): unknown[] {
  return list
    .map((item) => JSON.stringify(item))
    .sort()
    .map((item) => JSON.parse(item) as unknown)
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === null) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
