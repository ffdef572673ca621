import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'

export interface Answer {
  status: number
  body: unknown
}

/** A server under comparison, with the ids that it gave to what the cases name. */
export class Subject {
  readonly url: string
  readonly #ids = new Map<string, string>()

  constructor(url: string) {
    this.url = url
  }

  remember(name: string, id: string): void {
    this.#ids.set(name, id)
  }

  /** Ids for their names: `${run}`. */
  withIds<Value>(value: Value): Value {
    const text = JSON.stringify(value).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const id = this.#ids.get(name)
      if (id === undefined) throw new Error(`nothing was saved as ${name}`)
      return id
    })
    return JSON.parse(text) as Value
  }

  /** Names for the ids in an answer, so that two servers' answers can be compared. Longer ids first: `1` is an id too. */
  name(text: string): string {
    let named = text
    for (const [name, id] of [...this.#ids].sort(([, a], [, b]) => b.length - a.length))
      if (id.length > 3) named = named.replaceAll(id, `<${name}>`)
    return named
  }

  async send(
    method: string,
    path: string,
    { body, headers }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: parse(text) }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** A real MLflow server on SQLite, in a folder of its own. */
export async function startMlflow(
  python: string,
  folder: string,
): Promise<{ url: string } & AsyncDisposable> {
  const port = await freePort()
  const child = spawn(
    join(python, '../mlflow'),
    [
      'server',
      `--backend-store-uri=sqlite:///${folder}/mlflow.db`,
      `--artifacts-destination=${folder}/artifacts`,
      '--host=127.0.0.1',
      `--port=${port}`,
      '--workers=1',
    ],
    { detached: true, stdio: 'ignore', env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true' } },
  )
  const url = `http://127.0.0.1:${port}`
  for (let left = 240; ; left--) {
    if (
      await fetch(`${url}/health`).then(
        (response) => response.ok,
        () => false,
      )
    )
      break
    if (left === 0 || child.exitCode !== null) throw new Error('mlflow server did not start')
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      process.kill(-child.pid!, 'SIGTERM')
      await gone
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
