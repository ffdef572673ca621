import { randomInteger, type Random } from '../../src/statistics/random.ts'
import { sleep } from './checks.ts'

const TIMEOUT_MS = 60_000
const MOST_IN_BATCH = 200
const OPERATIONS_OF_A_RUN = 60

/** Something that was sent; `acknowledged` when the server has answered that it is done. */
export interface Sent<Value> {
  value: Value
  acknowledged: boolean
}

/** A run as its writer knows it. Each key, step and path is used once, so that what is found says which request wrote it. */
export interface RunStory {
  id: string
  /** By step of the metric `single`. */
  metrics: Map<number, Sent<number>>
  /** By number: how many points of the metric `batch`, with a param and a tag beside them. */
  batches: Map<number, Sent<number>>
  params: Map<string, Sent<string>>
  tags: Map<string, Sent<string>>
  /** By path: the text of an artifact. */
  artifacts: Map<string, Sent<string>>
}

export interface ModelStory {
  name: string
  created: boolean
  /** By the tag `nonce`: the version. */
  versions: Map<string, Sent<string | undefined>>
  /** Versions that the alias `newest` was set to, in order. */
  aliases: Sent<string>[]
}

/** One client that writes one thing after the other, to whichever server it finds, and keeps what was acknowledged. */
export class TrackingWriter {
  readonly name: string
  readonly runs: RunStory[] = []
  readonly model: ModelStory
  /** Answers that were no 200: there should be none. */
  readonly refused: string[] = []
  acknowledged = 0
  unanswered = 0
  readonly #random: Random
  readonly #urls: () => readonly string[]
  #sent = 0

  constructor(name: string, random: Random, urls: () => readonly string[]) {
    this.name = name
    this.#random = random
    this.#urls = urls
    this.model = { name: `model-${name}`, created: false, versions: new Map(), aliases: [] }
  }

  /** Does one thing, chosen by chance. */
  async step(): Promise<void> {
    const run = this.runs.at(-1)
    if (!run || this.#sent % OPERATIONS_OF_A_RUN === 0) return await this.#createRun()
    const choice = randomInteger(this.#random, 14)
    if (choice < 6) return await this.#logMetric(run)
    if (choice < 9) return await this.#logBatch(run)
    if (choice === 9) return await this.#logParam(run)
    if (choice === 10) return await this.#setTag(run)
    if (choice === 11) return await this.#putArtifact(run)
    if (choice === 12) return await this.#createVersion(run)
    return await this.#setAlias()
  }

  async #createRun(): Promise<void> {
    const tags = [
      { key: 'writer', value: this.name },
      { key: 'number', value: String(this.#sent) },
    ]
    const answer = await this.#post<{ run: { info: { run_id: string } } }>('runs/create', {
      experiment_id: '0',
      start_time: Date.now(),
      tags,
    })
    if (!answer) return
    const [metrics, batches, params, sentTags, artifacts] = [
      new Map(),
      new Map(),
      new Map(),
      new Map(),
      new Map(),
    ]
    this.runs.push({ id: answer.run.info.run_id, metrics, batches, params, tags: sentTags, artifacts })
  }

  async #logMetric({ id, metrics }: RunStory): Promise<void> {
    const step = this.#sent
    const value = this.#random.next()
    await this.#send(metrics, step, value, () =>
      this.#post('runs/log-metric', { run_id: id, key: 'single', value, timestamp: step, step }),
    )
  }

  async #logBatch({ id, batches }: RunStory): Promise<void> {
    const number = this.#sent
    const size = 1 + randomInteger(this.#random, MOST_IN_BATCH)
    const metrics = Array.from({ length: size }, (_, step) => ({
      key: 'batch',
      value: step,
      timestamp: number,
      step,
    }))
    const beside = [{ key: `batch-${number}`, value: String(size) }]
    await this.#send(batches, number, size, () =>
      this.#post('runs/log-batch', { run_id: id, metrics, params: beside, tags: beside }),
    )
  }

  async #logParam({ id, params }: RunStory): Promise<void> {
    const [key, value] = [`param-${this.#sent}`, String(this.#random.next())]
    await this.#send(params, key, value, () => this.#post('runs/log-parameter', { run_id: id, key, value }))
  }

  async #setTag({ id, tags }: RunStory): Promise<void> {
    const [key, value] = [`tag-${this.#sent}`, String(this.#random.next())]
    await this.#send(tags, key, value, () => this.#post('runs/set-tag', { run_id: id, key, value }))
  }

  async #putArtifact({ id, artifacts }: RunStory): Promise<void> {
    const path = `0/${id}/artifacts/file-${this.#sent}.txt`
    const text = `${path} ${'x'.repeat(randomInteger(this.#random, 50_000))}`
    await this.#send(artifacts, path, text, () =>
      this.#request('PUT', `/api/2.0/mlflow-artifacts/artifacts/${path}`, text),
    )
  }

  async #createVersion({ id }: RunStory): Promise<void> {
    const { name, versions } = this.model
    if (!this.model.created) {
      const known = this.refused.length
      const answer = await this.#post('registered-models/create', { name })
      // An earlier attempt may have made it without telling.
      const exists = this.refused.splice(known).some((refusal) => refusal.includes('RESOURCE_ALREADY_EXISTS'))
      this.model.created = answer !== undefined || exists
      return
    }
    const nonce = String(this.#sent)
    const sent: Sent<string | undefined> = { value: undefined, acknowledged: false }
    versions.set(nonce, sent)
    const answer = await this.#post<{ model_version: { version: string } }>('model-versions/create', {
      name,
      source: `mlflow-artifacts:/0/${id}/artifacts/model`,
      run_id: id,
      tags: [{ key: 'nonce', value: nonce }],
    })
    if (answer) Object.assign(sent, { value: answer.model_version.version, acknowledged: true })
  }

  async #setAlias(): Promise<void> {
    const { name, versions, aliases } = this.model
    const version = [...versions.values()].findLast(({ acknowledged }) => acknowledged)?.value
    if (version === undefined) return
    const sent = { value: version, acknowledged: false }
    aliases.push(sent)
    sent.acknowledged =
      (await this.#post('registered-models/alias', { name, alias: 'newest', version })) !== undefined
  }

  async #send<Key, Value>(
    story: Map<Key, Sent<Value>>,
    key: Key,
    value: Value,
    request: () => Promise<object | undefined>,
  ): Promise<void> {
    const sent = { value, acknowledged: false }
    story.set(key, sent)
    sent.acknowledged = (await request()) !== undefined
  }

  async #post<Answer extends object>(path: string, body: object): Promise<Answer | undefined> {
    return await this.#request<Answer>('POST', `/api/2.0/mlflow/${path}`, JSON.stringify(body))
  }

  /** The answer when it is a 200; undefined when nobody answered, or said no. */
  async #request<Answer extends object>(
    method: string,
    path: string,
    body: string,
  ): Promise<Answer | undefined> {
    this.#sent++
    const urls = this.#urls()
    const url = urls[randomInteger(this.#random, urls.length)]!
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const text = await response.text()
      if (response.status === 200) {
        this.acknowledged++
        return JSON.parse(text) as Answer
      }
      this.refused.push(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`)
    } catch {
      this.unanswered++
      await sleep(20)
    }
    return undefined
  }
}
