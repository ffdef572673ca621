import type { Answer, Subject } from './servers.ts'

/** Times differ by nature. */
const TIMES = new Set([
  'creation_time',
  'creation_timestamp',
  'creation_timestamp_ms',
  'last_update_time',
  'last_updated_timestamp',
  'last_updated_timestamp_ms',
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

/** What of an answer must be the same on both servers: of an error the status and the code. */
export function comparable(subject: Subject, { status, body }: Answer, ordered: boolean): unknown {
  if (status >= 400) {
    const code = (body as { error_code?: string } | null)?.error_code
    return { status, error_code: code }
  }
  return { status, body: simplify(JSON.parse(withoutChance(subject.name(JSON.stringify(body)))), ordered) }
}

/** Ids that no case gave a name, and names that were drawn. */
function withoutChance(text: string): string {
  return text
    .replaceAll(/\bm-[0-9a-f]{32}\b/g, '<model>')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '<id>')
    .replaceAll(/"mlflow-artifacts:\/[1-9]\d*(?=[/"])/g, '"mlflow-artifacts:/<experiment>')
    .replaceAll(/"(run_name|name|value)":"[a-z]+-[a-z]+-\d+"/g, '"$1":"<drawn>"')
}

/** MLflow tells a version's aliases only where one version is asked for. */
const LISTED_VERSIONS = new Set(['latest_versions', 'model_versions'])

function withoutAliases(version: unknown): unknown {
  const { aliases: _, ...rest } = version as Record<string, unknown>
  return rest
}

function simplify(value: unknown, ordered: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => simplify(item, ordered))
  if (typeof value !== 'object' || value === null) return value
  const members: [string, unknown][] = []
  for (const [key, member] of Object.entries(value)) {
    // MLflow tells its only workspace, Tidemill has projects, and knows who registered a version.
    if (key === 'workspace' || (key === 'user_id' && member === 'owner')) continue
    if (TIMES.has(key) && typeof member === 'number') members.push([key, '<time>'])
    // Numbers of experiments that were made after one that only one of the servers refused
    else if (key === 'experiment_id') members.push([key, '<experiment>'])
    else if (key === 'next_page_token') members.push([key, '<token>'])
    else {
      const isListed = LISTED_VERSIONS.has(key) && Array.isArray(member)
      const simple = simplify(isListed ? member.map(withoutAliases) : member, ordered)
      members.push([key, Array.isArray(simple) && UNORDERED.has(key) && !ordered ? sorted(simple) : simple])
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
