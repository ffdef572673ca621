import { execFile, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { AppError } from '../kernel/errors.ts'

const run = promisify(execFile)
const MODEL_FILE = /\.(onnx|pkl|joblib|pt|safetensors|txt\.gz|model)$/
const LARGEST_SCAN = 20_000
const LARGEST_DIFF_BYTES = 5_000_000

export interface Execution {
  serverUrl: string
  experiment: string
  command: readonly string[]
  cwd: string
}

export interface ExecutionResult {
  runId: string
  exitCode: number
  artifacts: string[]
}

/**
 * Runs any command and records it: the command, the code with its uncommitted difference, the environment, what it
 * printed, and the model files that it wrote. The command sees `MLFLOW_TRACKING_URI` and `MLFLOW_RUN_ID`.
 */
export async function execute(execution: Execution): Promise<ExecutionResult> {
  const api = new MlflowApi(execution.serverUrl)
  const experimentId = await api.experiment(execution.experiment)
  const startedMs = Date.now()
  const runId = await api.createRun(experimentId, basename(execution.command[0] ?? 'command'), startedMs)
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-exec-'))
  try {
    const { diff, tags } = await describeCode(execution.cwd)
    await api.log(runId, { command: execution.command.join(' ').slice(0, 6000) }, tags)
    const environment = await describeEnvironment()
    const exitCode = await runCommand(execution, { runId, experimentId, log: join(folder, 'output.log') })
    const artifacts = ['output.log', 'environment.txt']
    await api.upload(experimentId, runId, 'output.log', await readFile(join(folder, 'output.log')))
    await api.upload(experimentId, runId, 'environment.txt', Buffer.from(environment))
    if (diff) {
      await api.upload(experimentId, runId, 'uncommitted.diff', Buffer.from(diff))
      artifacts.push('uncommitted.diff')
    }
    for (const path of await modelFilesSince(execution.cwd, startedMs)) {
      const name = `models/${relative(execution.cwd, path)}`
      await api.upload(experimentId, runId, name, await readFile(path))
      artifacts.push(name)
    }
    await api.finish(runId, exitCode === 0 ? 'FINISHED' : 'FAILED')
    return { runId, exitCode, artifacts }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runCommand(
  { command, cwd, serverUrl }: Execution,
  { runId, experimentId, log }: { runId: string; experimentId: string; log: string },
): Promise<number> {
  const [program, ...args] = command
  const output = createWriteStream(log)
  const child = spawn(program!, args, {
    cwd,
    stdio: ['inherit', 'pipe', 'pipe'],
    env: {
      ...process.env,
      MLFLOW_TRACKING_URI: serverUrl,
      MLFLOW_RUN_ID: runId,
      MLFLOW_EXPERIMENT_ID: experimentId,
    },
  })
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      to.write(chunk)
      output.write(chunk)
    })
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new AppError('invalid', `${program} can't be run: ${error.message}`, { cause: error })),
    )
    child.once('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)))
  }).finally(() => output.end())
  await finished(output)
  return exitCode
}

async function describeCode(cwd: string): Promise<{ diff: string; tags: Record<string, string> }> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', args, { cwd, maxBuffer: LARGEST_DIFF_BYTES })).stdout
  try {
    const commit = (await git('rev-parse', 'HEAD')).trim()
    const diff = await git('diff', 'HEAD')
    return { diff, tags: { 'mlflow.source.git.commit': commit, 'tidemill.code.dirty': String(diff !== '') } }
  } catch {
    return { diff: '', tags: {} }
  }
}

async function describeEnvironment(): Promise<string> {
  const lines = [`node ${process.version}`, `platform ${process.platform} ${process.arch}`]
  const python = await run('python3', ['-m', 'pip', 'freeze'], { timeout: 20_000 }).catch(() => undefined)
  return [...lines, ...(python ? ['', '# pip freeze', python.stdout] : [])].join('\n')
}

async function modelFilesSince(folder: string, sinceMs: number): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.slice(0, LARGEST_SCAN)) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.includes('node_modules') || !MODEL_FILE.test(entry.name)) continue
    if ((await stat(path)).mtimeMs >= sinceMs) found.push(path)
  }
  return found
}

/** The few calls of MLflow's REST protocol that a recorded command needs. */
class MlflowApi {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async experiment(name: string): Promise<string> {
    const query = new URLSearchParams({ experiment_name: name })
    const found = await fetch(`${this.#url}/api/2.0/mlflow/experiments/get-by-name?${query.toString()}`)
    if (found.ok) {
      return ((await found.json()) as { experiment: { experiment_id: string } }).experiment.experiment_id
    }
    const { experiment_id } = await this.#post<{ experiment_id: string }>('experiments/create', { name })
    return experiment_id
  }

  async createRun(experimentId: string, name: string, startMs: number): Promise<string> {
    const { run: made } = await this.#post<{ run: { info: { run_id: string } } }>('runs/create', {
      experiment_id: experimentId,
      run_name: name,
      start_time: startMs,
    })
    return made.info.run_id
  }

  async log(runId: string, params: Record<string, string>, tags: Record<string, string>): Promise<void> {
    const pairs = (record: Record<string, string>) =>
      Object.entries(record).map(([key, value]) => ({ key, value }))
    await this.#post('runs/log-batch', { run_id: runId, params: pairs(params), tags: pairs(tags) })
  }

  async finish(runId: string, status: string): Promise<void> {
    await this.#post('runs/update', { run_id: runId, status, end_time: Date.now() })
  }

  async upload(experimentId: string, runId: string, path: string, bytes: Uint8Array): Promise<void> {
    const target = `${experimentId}/${runId}/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`
    const response = await fetch(`${this.#url}/api/2.0/mlflow-artifacts/artifacts/${target}`, {
      method: 'PUT',
      body: new Uint8Array(bytes),
    })
    if (!response.ok)
      throw new AppError('unavailable', `${path} could not be stored: ${await response.text()}`)
  }

  async #post<Result>(path: string, body: unknown): Promise<Result> {
    const response = await fetch(`${this.#url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch((cause: unknown) => {
      throw new AppError('unavailable', `No server answers at ${this.#url}`, { cause })
    })
    const text = await response.text()
    if (!response.ok) throw new AppError('invalid', `${path}: ${text.slice(0, 500)}`)
    return JSON.parse(text) as Result
  }
}
