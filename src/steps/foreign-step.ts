import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../kernel/errors.ts'
import { inheritedEnvironment } from '../kernel/inherited-environment.ts'
import { endGroup } from '../kernel/process-group.ts'
import type { RawOutput, StepTask } from './child-protocol.ts'
import { outputPath, type StepHost } from './step-host.ts'

const POLL_MS = 100

const messageSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('metric'), key: z.string().min(1), value: z.number(), step: z.int().default(0) }),
  z.object({ t: z.literal('log'), message: z.string() }),
  z.object({
    t: z.literal('output'),
    name: z.string(),
    value: z.json().optional(),
    path: z.string().optional(),
  }),
  z.object({ t: z.literal('checkpoint'), path: z.string() }),
])

/**
 * Runs a command as a step: writes the context, follows the messages, and collects the outputs when it has ended
 * with code 0. The command is the leader of a process group of its own, so that all of it can be ended.
 */
export async function runForeignStep(task: StepTask, host: StepHost): Promise<Record<string, RawOutput>> {
  const inputs = await linkInputs(task)
  const contextPath = join(task.folder, 'context.json')
  const messagesPath = join(task.folder, 'messages.ndjson')
  await writeFile(contextPath, JSON.stringify(contextOf(task, inputs), undefined, 2))
  await writeFile(messagesPath, '')
  const messages = new Messages(messagesPath, host)
  const env = {
    ...environmentOf(task, inputs),
    PYTHONPATH: host.codeFolder,
    TIDEMILL_CONTEXT: contextPath,
    TIDEMILL_MESSAGES: messagesPath,
  }
  const timer = setInterval(() => void messages.read().catch(() => undefined), POLL_MS)
  try {
    await waitFor(start(task, host, env), task, host)
  } finally {
    clearInterval(timer)
    await messages.read({ last: true })
  }
  return await collect(task, messages.outputs)
}

function start(task: StepTask, host: StepHost, env: Record<string, string>): ChildProcess {
  const [command, args] = commandOf(task, host.codeFolder)
  const child = spawn(command, args, {
    cwd: host.codeFolder,
    env: {
      ...inheritedEnvironment(),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      ...task.env,
      ...task.secrets,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  if (child.pid !== undefined) host.send({ type: 'foreign', pid: child.pid })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => host.send({ type: 'log', text }))
  }
  return child
}

/** Python is the `.venv` beside the project's packages where there is one, else `python3`. */
function commandOf({ step }: StepTask, codeFolder: string): [string, string[]] {
  if (step.kind === 'sh') return ['/bin/sh', ['-c', step.command!]]
  return [pythonOf(codeFolder), [join(codeFolder, step.script!)]]
}

export function pythonOf(codeFolder: string): string {
  const own = join(codeFolder, '.venv', 'bin', 'python')
  return existsSync(own) ? own : 'python3'
}

async function waitFor(child: ChildProcess, task: StepTask, { signal }: StepHost): Promise<void> {
  const end = (): void => {
    if (child.pid !== undefined) endGroup(child.pid)
  }
  signal.addEventListener('abort', end)
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (cause) => {
        reject(
          new AppError('invalid', `The step ${task.step.name} can't be started: ${messageOf(cause)}`, {
            cause,
          }),
        )
      })
      child.once('close', (code, killer) => {
        if (code === 0) resolve()
        else if (signal.aborted) reject(new AppError('conflict', messageOf(signal.reason)))
        else
          reject(
            new AppError(
              'invalid',
              `The step ${task.step.name} ended with ${killer ? `signal ${killer}` : `exit code ${code}`}`,
            ),
          )
      })
    })
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

type Linked = Record<
  string,
  { kind: string; path?: string; paths?: string[]; value?: unknown; format?: string }
>

/** Blobs have no endings; programs that read files like them, so inputs are linked under their names. */
async function linkInputs({ inputs, folder }: StepTask): Promise<Linked> {
  const linked: Linked = {}
  for (const [name, input] of Object.entries(inputs)) {
    if (input.kind === 'json') linked[name] = { kind: 'json', value: input.value }
    else if (input.kind === 'model') {
      const path = join(folder, `in-${name}`)
      await symlink(input.path, path)
      linked[name] = { kind: 'model', path }
    } else {
      const paths = input.paths.map((_, part) => join(folder, `in-${name}-${part}.parquet`))
      for (const [part, path] of paths.entries()) await symlink(input.paths[part]!, path)
      linked[name] = {
        kind: 'table',
        format: 'parquet',
        paths,
        ...(paths.length === 1 && { path: paths[0]! }),
      }
    }
  }
  return linked
}

function contextOf(task: StepTask, inputs: Linked): unknown {
  const { step, params, run, timeoutMs, checkpoint, folder } = task
  return {
    step: step.name,
    params,
    inputs,
    outputs: Object.fromEntries(
      Object.entries(step.out).map(([name, { kind }]) => [name, { kind, path: outputPath(folder, name) }]),
    ),
    run: { id: run.runId, executionId: run.executionId, trackingRunId: run.trackingRunId },
    attempt: run.attempt,
    deadlineMs: timeoutMs === null ? null : Date.now() + timeoutMs,
    checkpoint: checkpoint === null ? null : { path: checkpoint },
  }
}

/** For shell scripts: paths and params by name. */
function environmentOf(task: StepTask, inputs: Linked): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, { path, paths, value }] of Object.entries(inputs)) {
    env[`INPUT_${name}`] = path ?? paths?.join(' ') ?? JSON.stringify(value)
  }
  for (const name of Object.keys(task.step.out)) env[`OUTPUT_${name}`] = outputPath(task.folder, name)
  for (const [name, value] of Object.entries(task.params)) {
    env[`PARAM_${name}`] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return env
}

async function collect(task: StepTask, given: Map<string, RawOutput>): Promise<Record<string, RawOutput>> {
  const outputs: Record<string, RawOutput> = {}
  for (const [name, { kind }] of Object.entries(task.step.out)) {
    const path = outputPath(task.folder, name)
    const told = given.get(name)
    if (told?.kind === 'json' && kind === 'json') outputs[name] = told
    else if (kind !== 'json')
      outputs[name] = told && told.kind !== 'json' ? { kind, path: told.path } : { kind, path }
    else if (existsSync(path))
      outputs[name] = { kind, value: parseJson(task, name, await readFile(path, 'utf8')) }
    const output = outputs[name]
    if (output && output.kind !== 'json' && !existsSync(output.path)) delete outputs[name]
  }
  return outputs
}

function parseJson({ step }: StepTask, name: string, text: string) {
  try {
    return z.json().parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('invalid', `The step ${step.name} wrote no JSON to its output “${name}”`, { cause })
  }
}

/** Newline-delimited JSON that grows while it is read. A line that is no message is a line of the log. */
class Messages {
  readonly outputs = new Map<string, RawOutput>()
  readonly #path: string
  readonly #host: StepHost
  #offset = 0
  #reading: Promise<void> = Promise.resolve()

  constructor(path: string, host: StepHost) {
    this.#path = path
    this.#host = host
  }

  /** Takes whole lines; the last time also one without an end. */
  read({ last = false } = {}): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readOn(last))
    return this.#reading
  }

  async #readOn(last: boolean): Promise<void> {
    const file = await open(this.#path)
    try {
      const { size } = await file.stat()
      if (size <= this.#offset) return
      const buffer = Buffer.alloc(size - this.#offset)
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset)
      const end = last ? bytesRead : buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
      this.#offset += end
      for (const line of buffer.subarray(0, end).toString('utf8').split('\n'))
        if (line.trim() !== '') this.#take(line)
    } finally {
      await file.close()
    }
  }

  #take(line: string): void {
    let message: z.infer<typeof messageSchema>
    try {
      message = messageSchema.parse(JSON.parse(line))
    } catch (error) {
      this.#host.send({
        type: 'log',
        text: `Not understood in TIDEMILL_MESSAGES: ${line} (${messageOf(error)})\n`,
      })
      return
    }
    if (message.t === 'log') this.#host.send({ type: 'log', text: `${message.message}\n` })
    else if (message.t === 'metric') {
      const { key, value, step } = message
      this.#host.send({ type: 'metric', key, value, step, atMs: Date.now() })
    } else if (message.t === 'checkpoint') this.#host.send({ type: 'checkpoint', path: message.path })
    else if (message.path !== undefined) this.outputs.set(message.name, { kind: 'model', path: message.path })
    else if (message.value !== undefined)
      this.outputs.set(message.name, { kind: 'json', value: message.value })
  }
}
