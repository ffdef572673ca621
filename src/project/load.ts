import { fork } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileCache } from '../kernel/compile-cache.ts'
import { AppError } from '../kernel/errors.ts'
import type { Described } from './describe.ts'
import type { LoadMessage } from './load-child.ts'
import type { Snapshot } from '../ports/artifacts/code-snapshot.ts'
import { makeSnapshot } from './snapshot.ts'

const TIMEOUT_MS = 60_000

export interface LoadedProject extends Described {
  snapshot: Snapshot
}

/**
 * Loads a project in a child process: its own code runs there. Throws `not_found` when the folder has no project,
 * `invalid` with file and line when something in it is wrong.
 */
export async function loadProject(folder: string): Promise<LoadedProject> {
  const root = folderAt(folder)
  const described = await loadInChild(root)
  return { ...described, snapshot: await makeSnapshot(root, described.files) }
}

function folderAt(folder: string): string {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new AppError('not_found', `There is no folder ${folder}`)
  return realpathSync(folder)
}

function loadInChild(root: string): Promise<Described> {
  const script = fileURLToPath(
    new URL(`./load-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
  )
  return new Promise((resolve, reject) => {
    const child = fork(script, [root], {
      cwd: root,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...compileCache, ...process.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let output = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(
        new AppError('invalid', `The project in ${root} did not load within ${TIMEOUT_MS / 1000} seconds`),
      )
    }, TIMEOUT_MS)
    child.stdout!.on('data', (text) => (output += String(text)))
    child.stderr!.on('data', (text) => (output += String(text)))
    child.once('message', (message: LoadMessage) => {
      if (message.ok) resolve(message.described)
      else reject(new AppError(message.code, message.message))
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      reject(
        new AppError(
          'invalid',
          `The project in ${root} ended its own loading (${signal ?? `exit code ${code}`}): ${output.trim()}`,
        ),
      )
    })
  })
}
