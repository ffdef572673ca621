import { findBrokenSeal } from '../../src/governance/seal.ts'
import type { Context } from '../../src/http/context.ts'
import type { Checks } from './checks.ts'
import type { ModelStory, RunStory, Sent, TrackingWriter } from './tracking-writer.ts'

interface RunFound {
  info: { run_id: string }
  data: {
    params?: { key: string; value: string }[]
    tags?: { key: string; value: string }[]
    metrics?: { key: string; step: number }[]
  }
}

/** What was acknowledged is there, and what was not is there whole or not at all, as one server tells it. */
export async function checkWriters(
  checks: Checks,
  url: string,
  writers: readonly TrackingWriter[],
): Promise<void> {
  const reader = new Reader(url)
  const wrong: string[] = []
  for (const { runs, model, name } of writers) {
    for (const run of runs) wrong.push(...(await wrongInRun(reader, run)))
    wrong.push(...(await wrongInModel(reader, model)))
    wrong.push(...(await halfCreated(reader, name)))
  }
  const acknowledged = writers.reduce((sum, writer) => sum + writer.acknowledged, 0)
  const unanswered = writers.reduce((sum, writer) => sum + writer.unanswered, 0)
  checks.none(
    'every acknowledged write is there, and none is half there',
    wrong,
    `${acknowledged} acknowledged, ${unanswered} without an answer`,
  )
  checks.none(
    'no server has refused anything',
    writers.flatMap(({ refused }) => refused),
  )
}

/** What goes with a write in its transaction is there as often as the write. */
export async function checkStored(checks: Checks, context: Context): Promise<void> {
  const { db } = context
  const unaudited = await db.read
    .selectFrom('run')
    .leftJoin('audit', (join) =>
      join.onRef('audit.subject', '=', 'run.id').on('audit.action', '=', 'tracking.create_run'),
    )
    .select('run.id')
    .where('audit.seq', 'is', null)
    .execute()
  checks.none('the creation of every run is in the audit log', unaudited)
  const files = await db.read.selectFrom('artifact_file').select(['path', 'sha256']).execute()
  const missing: string[] = []
  for (const { path, sha256 } of files) if (!(await context.artifacts.has(sha256))) missing.push(path)
  checks.none('the bytes of every artifact are stored', missing, `${files.length} artifacts`)
  const broken = await findBrokenSeal(context)
  checks.that(
    'the seal of the audit log holds',
    broken === undefined,
    broken === undefined ? '' : `row ${broken}`,
  )
}

async function wrongInRun(reader: Reader, run: RunStory): Promise<string[]> {
  const { data } = await reader.run(run.id)
  const params = new Map((data.params ?? []).map(({ key, value }) => [key, value]))
  const tags = new Map((data.tags ?? []).map(({ key, value }) => [key, value]))
  const single = new Map((await reader.history(run.id, 'single')).map(({ step, value }) => [step, value]))
  const batch = Map.groupBy(await reader.history(run.id, 'batch'), ({ timestamp }) => timestamp)
  const wrong = [
    ...compare('param', run.params, params),
    ...compare('tag', run.tags, tags),
    ...compare('metric', run.metrics, single),
  ]
  for (const [number, { value: size, acknowledged }] of run.batches) {
    const points = batch.get(number)?.length ?? 0
    const key = `batch-${number}`
    const whole = points === size && params.has(key) && tags.has(key)
    const none = points === 0 && !params.has(key) && !tags.has(key)
    if (!whole && (acknowledged || !none))
      wrong.push(`batch ${number}: ${points} of ${size}, param ${params.has(key)}, tag ${tags.has(key)}`)
  }
  const latest = data.metrics?.find(({ key }) => key === 'single')?.step
  const highest = single.size === 0 ? undefined : Math.max(...single.keys())
  if (latest !== highest) wrong.push(`latest metric: step ${latest}, in the history ${highest}`)
  for (const [path, { value, acknowledged }] of run.artifacts) {
    const found = await reader.artifact(path)
    if (found !== value && (acknowledged || found !== undefined)) wrong.push(`artifact ${path}`)
  }
  return wrong.map((one) => `run ${run.id}, ${one}`)
}

function compare<Key, Value>(
  what: string,
  sent: ReadonlyMap<Key, Sent<Value>>,
  found: ReadonlyMap<Key, Value>,
): string[] {
  const wrong: string[] = []
  for (const [key, { value, acknowledged }] of sent) {
    if (found.get(key) !== value && (acknowledged || found.has(key)))
      wrong.push(`${what} ${String(key)}: ${String(found.get(key))} instead of ${String(value)}`)
  }
  return wrong
}

async function wrongInModel(
  reader: Reader,
  { name, created, versions, aliases }: ModelStory,
): Promise<string[]> {
  if (!created) return []
  const { found, newest } = await reader.model(name)
  const wrong: string[] = []
  for (const [nonce, { value, acknowledged }] of versions) {
    if (acknowledged && found.get(nonce) !== value) wrong.push(`version ${value} is ${found.get(nonce)}`)
  }
  for (const [nonce, version] of found)
    if (!versions.has(nonce)) wrong.push(`version ${version} without its tag`)
  const last = aliases.findLastIndex(({ acknowledged }) => acknowledged)
  const allowed: (string | undefined)[] = aliases.slice(Math.max(0, last)).map(({ value }) => value)
  if (last < 0) allowed.push(undefined)
  if (!allowed.includes(newest)) wrong.push(`alias newest is ${newest}, not one of ${allowed.join(', ')}`)
  return wrong.map((one) => `${name}, ${one}`)
}

/** Runs of a writer that lack one of the tags they were created with, whether the writer heard of them or not. */
async function halfCreated(reader: Reader, writer: string): Promise<string[]> {
  const runs = await reader.runsOf(writer)
  return runs
    .filter(({ data }) => !data.tags?.some(({ key }) => key === 'number'))
    .map(({ info }) => `run ${info.run_id} was created without its tags`)
}

class Reader {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async run(id: string): Promise<RunFound> {
    return (await this.#json<{ run: RunFound }>(`runs/get?run_id=${id}`)).run
  }

  async history(runId: string, key: string): Promise<{ step: number; value: number; timestamp: number }[]> {
    const { metrics } = await this.#json<{ metrics?: { step: number; value: number; timestamp: number }[] }>(
      `metrics/get-history?run_id=${runId}&metric_key=${key}`,
    )
    return metrics ?? []
  }

  async runsOf(writer: string): Promise<RunFound[]> {
    const filter = `tags.writer = '${writer}'`
    const body = { experiment_ids: ['0'], max_results: 10_000, filter }
    return (await this.#json<{ runs?: RunFound[] }>('runs/search', body)).runs ?? []
  }

  async model(name: string): Promise<{ found: Map<string, string>; newest: string | undefined }> {
    interface Version {
      version: string
      tags?: { key: string; value: string }[]
    }
    const query = new URLSearchParams({ filter: `name='${name}'`, max_results: '10000' })
    const { model_versions: versions = [] } = await this.#json<{ model_versions?: Version[] }>(
      `model-versions/search?${query.toString()}`,
    )
    const found = new Map(
      versions.map(({ version, tags }) => [tags?.find(({ key }) => key === 'nonce')?.value ?? '', version]),
    )
    const { registered_model: model } = await this.#json<{
      registered_model: { aliases?: { alias: string; version: string }[] }
    }>(`registered-models/get?${new URLSearchParams({ name }).toString()}`)
    return { found, newest: model.aliases?.find(({ alias }) => alias === 'newest')?.version }
  }

  async artifact(path: string): Promise<string | undefined> {
    const response = await fetch(`${this.#url}/api/2.0/mlflow-artifacts/artifacts/${path}`)
    const text = await response.text()
    return response.status === 200 ? text : undefined
  }

  async #json<Answer>(path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/2.0/mlflow/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`)
    return JSON.parse(text) as Answer
  }
}
