import { spawn, type ChildProcess } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, messageOf } from '../kernel/errors.ts'
import { inheritedEnvironment } from '../kernel/inherited-environment.ts'
import { redact, requireSecret } from '../kernel/secret.ts'
import { endGroup } from '../kernel/process-group.ts'
import type { CommandSource } from './definition.ts'
import { fileItem } from './item.ts'
import type { Probed, ProbeInput } from './probe.ts'

const WATCH_MS = 200
const LONGEST_CURSOR = 10_000
/** So much of what a command says last is kept, for the sentence when it fails. */
const KEPT_OUTPUT = 4_000
const SHOWN_OUTPUT = 300

/** Runs a command and takes what it wrote, once it has ended with code 0. */
export async function probeCommand(source: CommandSource, input: ProbeInput): Promise<Probed> {
  const { folder, cursor: before } = input
  const reading = {
    format: source.format ?? 'parquet',
    delimiter: source.delimiter ?? ',',
    compression: 'none',
  } as const
  const output = join(folder, 'output')
  const cursorOutput = join(folder, 'cursor')
  const context = join(folder, 'context.json')
  const deadlineMs = Date.now() + source.timeoutMs
  await writeFile(
    context,
    JSON.stringify({ cursor: before, output, cursorOutput, ...reading, deadlineMs }, undefined, 2),
  )
  await run(source, input, {
    TIDEMILL_CONTEXT: context,
    TIDEMILL_CURSOR: before ?? '',
    TIDEMILL_OUTPUT: output,
    TIDEMILL_CURSOR_OUTPUT: cursorOutput,
  })
  const cursor = (await readCursor(cursorOutput)) ?? before
  const size = await sizeOf(output)
  if (size > source.maxBytes) throw tooLarge(source)
  if (source.mode === 'replace') {
    if (size === 0) throw new AppError('unavailable', `${nameOf(source)} wrote no rows to TIDEMILL_OUTPUT`)
    const item = await fileItem({ path: 'command', target: output, reading, isTreated: false })
    return { items: [item], cursor, isIncrement: false }
  }
  if (size === 0) return { items: [], cursor, isIncrement: true }
  if (cursor === null || cursor === before)
    throw new AppError(
      'invalid',
      `${nameOf(source)} wrote rows and no new cursor to TIDEMILL_CURSOR_OUTPUT, so that the same rows would come again`,
    )
  const path = `command[${before ?? ''}…${cursor}]`
  const item = await fileItem({ path, target: output, reading, isTreated: false })
  return { items: [item], cursor, isIncrement: true }
}

/** Until it ends. It leads a process group of its own, so that all of it ends when it takes too long, writes too much, or is called off. */
async function run(source: CommandSource, input: ProbeInput, given: Record<string, string>): Promise<void> {
  const { signal } = input
  signal.throwIfAborted()
  const secrets = Object.fromEntries((source.secrets ?? []).map((name) => [name, requireSecret(name)]))
  const child = start(source, input, { ...secrets, ...given })
  const said = tailOf(child, Object.values(secrets))
  let stopped: Error | undefined
  const stop = (reason: Error): void => {
    stopped ??= reason
    if (child.pid !== undefined) endGroup(child.pid)
  }
  const abort = (): void => stop(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(
    () =>
      stop(
        new AppError(
          'unavailable',
          `${nameOf(source)} took longer than ${source.timeoutMs / 1000} s and was ended`,
        ),
      ),
    source.timeoutMs,
  )
  const watch = setInterval(() => {
    void sizeOf(given['TIDEMILL_OUTPUT']!).then((size) => size > source.maxBytes && stop(tooLarge(source)))
  }, WATCH_MS)
  try {
    const ending = await ended(child)
    if (stopped) throw stopped
    if (ending !== 'exit code 0')
      throw new AppError('unavailable', `${nameOf(source)} ended with ${ending}${said()}`)
  } catch (error) {
    if (error instanceof AppError || error === stopped) throw error
    throw new AppError('unavailable', `${nameOf(source)} can't be started: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', abort)
    clearTimeout(timer)
    clearInterval(watch)
    if (child.pid !== undefined) endGroup(child.pid)
  }
}

function start(
  { run: told }: CommandSource,
  { directory }: ProbeInput,
  given: Record<string, string>,
): ChildProcess {
  const [program, ...args] = typeof told === 'string' ? ['/bin/sh', '-c', told] : told
  return spawn(program!, args, {
    cwd: directory,
    env: { ...inheritedEnvironment(), ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
}

function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, killer) => resolve(killer ? `signal ${killer}` : `exit code ${code}`))
  })
}

/** What a command said last, so far; it may say as much as it likes. */
function tailOf(child: ChildProcess, secrets: readonly string[]): () => string {
  let tail = ''
  child.stdout?.resume()
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-KEPT_OUTPUT)
  })
  return () => {
    const line = redact(tail, secrets).split('\n').findLast(tells)
    return line === undefined ? '' : `: ${line.slice(0, SHOWN_OUTPUT)}`
  }
}

/** A stack of calls is indented, and Node ends with its version. */
function tells(line: string): boolean {
  return /^\S/.test(line) && !/^Node\.js v\d/.test(line)
}

async function readCursor(path: string): Promise<string | undefined> {
  if ((await sizeOf(path)) > LONGEST_CURSOR)
    throw new AppError('invalid', `a cursor has at most ${LONGEST_CURSOR} bytes`)
  const text = await readFile(path, 'utf8').catch(() => '')
  const cursor = text.replaceAll('\0', '').trim()
  return cursor === '' ? undefined : cursor
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

function tooLarge(source: CommandSource): AppError {
  return new AppError('invalid', `${nameOf(source)} wrote more than ${source.maxBytes} bytes`)
}

/** Without its arguments, which may hold what is not for everyone. */
function nameOf({ run: told }: CommandSource): string {
  const [program] = typeof told === 'string' ? told.trim().split(/\s/) : told
  return `the command ${program}`
}
