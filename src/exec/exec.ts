import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { finished } from 'node:stream/promises'
import { AppError, messageOf } from '../kernel/errors.ts'
import { RecordingClient, type RunStatus } from './client.ts'
import { describeCode, describeEnvironment, modelFilesSince } from './surroundings.ts'

const LARGEST_PARAM = 6000

export interface Execution {
  serverUrl: string
  /** What the record is made with, and the command's own client finds in its environment. */
  token?: string | undefined
  experiment: string
  command: readonly string[]
  cwd: string
  /** Where its standard output goes besides the record; standard error goes to ours. */
  output: NodeJS.WritableStream
}

export interface ExecutionResult {
  runId: string
  /** Of the command; 128 + n when signal n ended it. */
  exitCode: number
  artifacts: string[]
  /** What could not be recorded. */
  problems: string[]
}

interface Ended {
  exitCode: number
  status: RunStatus
}

/**
 * Runs any command and records it as a tracking run: the command, the code with its uncommitted difference, the
 * environment, what it printed, and the model files that it wrote. The command sees `MLFLOW_TRACKING_URI` and
 * `MLFLOW_RUN_ID`, so that an MLflow client in it logs to this run. Throws `invalid` for a program that can't be started.
 */
export async function execute(execution: Execution): Promise<ExecutionResult> {
  const { command, cwd } = execution
  const client = new RecordingClient(execution.serverUrl, execution.token)
  const experimentId = await client.experiment(execution.experiment)
  const { diff, tags } = await describeCode(cwd)
  const startedMs = Date.now()
  const runId = await client.createRun(experimentId, basename(command[0]!), startedMs)
  const run = { experimentId, runId }
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-exec-'))
  const log = join(folder, 'output.log')
  const artifacts: string[] = []
  const problems: string[] = []
  const store = async (name: string, content: { text: string } | { file: string }): Promise<void> => {
    try {
      await client.upload(run, name, content)
      artifacts.push(name)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  try {
    const text = command.join(' ').slice(0, LARGEST_PARAM)
    await client.log(runId, { command: text }, { ...tags, ...sourceTags(command) })
    if (diff) await store('uncommitted.diff', { text: diff })
    const { exitCode, status } = await runCommand(execution, { ...run, log })
    await store('output.log', { file: log })
    await store('environment.txt', { text: await describeEnvironment(command[0]!) })
    for (const path of await modelFilesSince(cwd, startedMs)) {
      await store(`models/${path}`, { file: join(cwd, path) })
    }
    await client.log(runId, {}, { 'tidemill.exit_code': String(exitCode) })
    await client.finish(runId, status)
    return { runId, exitCode, artifacts, problems }
  } catch (error) {
    await client.finish(runId, 'FAILED').catch(() => {})
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function sourceTags(command: readonly string[]): Record<string, string> {
  const script = command.find((part) => /\.(py|ts|js|mjs|sh|r|R|ipynb)$/.test(part))
  return {
    'mlflow.source.type': 'LOCAL',
    'mlflow.source.name': script ?? command[0]!,
    'mlflow.user': userInfo().username,
  }
}

/** Ctrl-C reaches the command too: it ends as it likes, and its end is recorded. */
async function runCommand(
  { command, cwd, serverUrl, token, output }: Execution,
  { runId, experimentId, log }: { runId: string; experimentId: string; log: string },
): Promise<Ended> {
  const [program, ...args] = command
  const record = createWriteStream(log)
  const child = spawn(program!, args, {
    cwd,
    stdio: ['inherit', 'pipe', 'pipe'],
    env: {
      ...process.env,
      MLFLOW_TRACKING_URI: serverUrl,
      ...(token !== undefined && { MLFLOW_TRACKING_TOKEN: token, TIDEMILL_TOKEN: token }),
      MLFLOW_RUN_ID: runId,
      MLFLOW_EXPERIMENT_ID: experimentId,
      PYTHONUNBUFFERED: process.env['PYTHONUNBUFFERED'] ?? '1',
    },
  })
  const interrupted = (): void => {}
  const terminated = (): void => void child.kill('SIGTERM')
  process.on('SIGINT', interrupted)
  process.on('SIGTERM', terminated)
  for (const [from, to] of [
    [child.stdout, output],
    [child.stderr, process.stderr],
  ] as const) {
    from.on('data', (chunk: Buffer) => {
      to.write(chunk)
      record.write(chunk)
    })
  }
  try {
    return await new Promise<Ended>((resolve, reject) => {
      child.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'ENOENT' ? 'there is no such program' : cause.message
        reject(new AppError('invalid', `${program} can't be run: ${why}`, { cause }))
      })
      child.once('close', (code, signal) => {
        if (signal !== null) resolve({ exitCode: 128 + constants.signals[signal], status: 'KILLED' })
        else resolve({ exitCode: code ?? 1, status: code === 0 ? 'FINISHED' : 'FAILED' })
      })
    })
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', terminated)
    record.end()
    await finished(record)
  }
}
