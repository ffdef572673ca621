import { Agent, request } from 'node:http'

/** Longer than anyone waits. */
export const REQUEST_LIMIT_MS = 60_000

export class TimedOut extends Error {}

/** Raw HTTP to MLflow's REST API over kept connections. Answers are read to their end, and parsed only by who asks for it. */
export class HttpClient implements Disposable {
  readonly #base: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  constructor(url: string) {
    this.#base = new URL(url)
  }

  async post(path: string, body: object): Promise<string> {
    return await this.#send('POST', `/api/2.0/mlflow/${path}`, JSON.stringify(body))
  }

  async get(path: string): Promise<string> {
    return await this.#send('GET', `/ajax-api/2.0/mlflow/${path}`)
  }

  async createRun(): Promise<string> {
    const answer = await this.post('runs/create', { experiment_id: '0', start_time: Date.now() })
    return (JSON.parse(answer) as { run: { info: { run_id: string } } }).run.info.run_id
  }

  #send(method: string, path: string, text?: string): Promise<string> {
    const headers = text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const { hostname, port } = this.#base
    return new Promise((resolve, reject) => {
      const sent = request(
        { hostname, port, agent: this.#agent, method, path, ...(headers && { headers }) },
        (response) => {
          const chunks: Buffer[] = []
          response.on('error', reject)
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString('latin1')
            if (response.statusCode === 200) resolve(answer)
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer.slice(0, 500)}`))
          })
        },
      )
      sent.setTimeout(REQUEST_LIMIT_MS, () => sent.destroy(new TimedOut(path)))
      sent.on('error', reject)
      sent.end(text)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
