import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { AppError } from '../kernel/errors.ts'
import { inheritedNodeEnvironment } from '../kernel/inherited-environment.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import type { RowAnswer, RowTask } from './row-child.ts'

const SCRIPT = fileURLToPath(
  new URL(`./row-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)
const TIMEOUT_MS = HOUR_MS

/**
 * Computes the rows of a view by its row function into the Parquet file `target`, in a process of its own. Returns how often
 * the function went wrong. Throws `invalid` when it can't be loaded, fails on every row, ends its process or takes over an hour.
 */
export function computeRowsApart(task: RowTask, signal?: AbortSignal): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    const child = fork(SCRIPT, [], {
      cwd: task.snapshotDirectory,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: inheritedNodeEnvironment(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      ...(signal && { signal }),
    })
    child.once('message', (answer: RowAnswer) => {
      if (answer.ok) resolve(answer.violations)
      else reject(new AppError('invalid', answer.message))
    })
    child.once('error', reject)
    child.once('exit', (code, killer) => {
      const how = killer === null ? `exit code ${code}` : `${killer}, after at most an hour`
      reject(new AppError('invalid', `The function of ${task.view.view} ended its process (${how})`))
    })
    child.send(task)
  })
}
