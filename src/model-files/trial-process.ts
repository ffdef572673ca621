import { fork } from 'node:child_process'
import { AppError, toAppError, type ErrorCode } from '../kernel/errors.ts'
import { inheritedNodeEnvironment } from '../kernel/inherited-environment.ts'

const LAST_ERRORS = 500

type FromChild<Answer> =
  | { answer: Answer }
  | { refused: { code: ErrorCode; message: string; details: Record<string, unknown> } }

/**
 * Lets a process of its own do one job with a model: one that takes all memory, never ends or crashes the runtime costs that process.
 * Throws `invalid` with the reason when it ends without an answer, or after `limitMs`.
 */
export async function askProcess<Answer>(
  script: string,
  job: object,
  { limitMs }: { limitMs: number },
): Promise<Answer> {
  const child = fork(script, [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: inheritedNodeEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-LAST_ERRORS)
  })
  const done = Promise.withResolvers<FromChild<Answer>>()
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, limitMs)
  child.once('message', (message) => done.resolve(message as FromChild<Answer>))
  child.once('error', (cause) => done.reject(new AppError('internal', 'The model can’t be tried', { cause })))
  child.once('exit', (code, signal) => {
    const ending = late ? `not within ${limitMs / 1000} s` : signal === null ? `exit code ${code}` : signal
    const text = `The process that tried the model ended (${ending}). ${errors.trim()}`.trim()
    done.reject(new AppError('invalid', text))
  })
  try {
    child.send(job, () => undefined)
    const said = await done.promise
    if ('answer' in said) return said.answer
    const { code, message, details } = said.refused
    throw new AppError(code, message, { details })
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

/** The other end: does the job that it is sent, answers, and ends. */
export function answerParent<Answer>(work: (job: never) => Promise<Answer>): void {
  process.once('message', (job) => {
    void work(job as never)
      .then(
        (answer): FromChild<Answer> => ({ answer }),
        (error: unknown): FromChild<Answer> => {
          const { code, message, details } = toAppError(error)
          return { refused: { code, message: code === 'internal' ? String(error) : message, details } }
        },
      )
      .then((said) => process.send!(said, () => process.disconnect()))
  })
}
