import { openAsBlob } from 'node:fs'
import { AppError, type ErrorCode } from '../kernel/errors.ts'

export type RunStatus = 'FINISHED' | 'FAILED' | 'KILLED'

/** The few calls of MLflow's REST protocol that a recorded command needs. */
export class RecordingClient {
  readonly #url: string
  readonly #token: string | undefined

  constructor(url: string, token: string | undefined) {
    this.#url = url
    this.#token = token
  }

  /** The id of the experiment, which is made when it is missing. */
  async experiment(name: string): Promise<string> {
    const query = new URLSearchParams({ experiment_name: name })
    const found = await this.#fetch(`/api/2.0/mlflow/experiments/get-by-name?${query.toString()}`)
    if (found.ok) {
      return ((await found.json()) as { experiment: { experiment_id: string } }).experiment.experiment_id
    }
    const { experiment_id } = await this.#post<{ experiment_id: string }>('experiments/create', { name })
    return experiment_id
  }

  async createRun(experimentId: string, name: string, startMs: number): Promise<string> {
    const { run } = await this.#post<{ run: { info: { run_id: string } } }>('runs/create', {
      experiment_id: experimentId,
      run_name: name,
      start_time: startMs,
    })
    return run.info.run_id
  }

  async log(runId: string, params: Record<string, string>, tags: Record<string, string>): Promise<void> {
    await this.#post('runs/log-batch', { run_id: runId, params: pairs(params), tags: pairs(tags) })
  }

  async finish(runId: string, status: RunStatus): Promise<void> {
    await this.#post('runs/update', { run_id: runId, status, end_time: Date.now() })
  }

  /** Stores text, or a file by its path; a file is streamed. */
  async upload(
    run: { experimentId: string; runId: string },
    name: string,
    content: { text: string } | { file: string },
  ): Promise<void> {
    const path = name.split('/').map(encodeURIComponent).join('/')
    const body = 'text' in content ? content.text : await openAsBlob(content.file)
    const target = `${run.experimentId}/${run.runId}/artifacts/${path}`
    const response = await this.#fetch(`/api/2.0/mlflow-artifacts/artifacts/${target}`, {
      method: 'PUT',
      body,
    })
    if (response.ok) return
    throw new AppError('unavailable', `${name} could not be stored: ${(await response.text()).slice(0, 300)}`)
  }

  async #post<Result>(path: string, body: unknown): Promise<Result> {
    const response = await this.#fetch(`/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new AppError(codeOf(response.status), `${path}: ${text.slice(0, 500)}`)
    return JSON.parse(text) as Result
  }

  async #fetch(path: string, init?: RequestInit): Promise<Response> {
    const headers = new Headers(init?.headers)
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    return await fetch(this.#url + path, { ...init, headers }).catch((cause: unknown) => {
      throw new AppError(
        'unavailable',
        `No server answers at ${this.#url}. Start one with \`tidemill up\`, or name it with --server.`,
        { cause },
      )
    })
  }
}

function pairs(record: Record<string, string>): { key: string; value: string }[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }))
}

function codeOf(status: number): ErrorCode {
  return status === 401 ? 'unauthenticated' : status === 403 ? 'denied' : 'invalid'
}
