import { fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError, type ErrorCode } from '../kernel/errors.ts'
import type { Inspection, InspectionJob } from './inspect-onnx.ts'

const SCRIPT = fileURLToPath(
  new URL(`./inspection-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
const LIMIT_MS = 300_000
const LAST_ERRORS = 500

export type FromInspection =
  | { inspection: Inspection }
  | { refused: { code: ErrorCode; message: string; details: Record<string, unknown> } }

/**
 * Tries an ONNX file in a process of its own: a model that takes all memory, never ends or crashes the runtime costs that process.
 * Throws `invalid` with the reason.
 */
export async function inspectInProcess(job: InspectionJob): Promise<Inspection> {
  const child = fork(SCRIPT, [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-LAST_ERRORS)
  })
  const done = Promise.withResolvers<FromInspection>()
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  child.once('message', (message) => done.resolve(message as FromInspection))
  child.once('error', (cause) => done.reject(new AppError('internal', 'The model can’t be tried', { cause })))
  child.once('exit', (code, signal) => {
    const ending = signal === null ? `exit code ${code}` : signal
    const text = `The process that tried the model ended (${ending}). ${errors.trim()}`.trim()
    done.reject(new AppError('invalid', text))
  })
  try {
    child.send(job, () => undefined)
    const answer = await done.promise
    if ('inspection' in answer) return answer.inspection
    const { code, message, details } = answer.refused
    throw new AppError(code, message, { details })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}
