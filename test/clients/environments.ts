import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The Python of a virtual environment below `.venv` that has what a requirements file names; made when it is missing. */
export async function ensureEnvironment(name: string, requirementsFile: string): Promise<string> {
  const folder = join(import.meta.dirname, '../../.venv', name)
  const python = join(folder, 'bin/python')
  if (existsSync(python) && (await hasDistributions(python, requirementsFile))) return python
  await run('python3', ['-m', 'venv', folder])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirementsFile], {
    timeout: 900_000,
  })
  return python
}

async function hasDistributions(python: string, requirementsFile: string): Promise<boolean> {
  const names = [...readFileSync(requirementsFile, 'utf8').matchAll(/^[\w-]+/gm)].map(([name]) => name)
  const look = 'import sys, importlib.metadata as m; [m.version(name) for name in sys.argv[1:]]'
  return await run(python, ['-c', look, ...names]).then(
    () => true,
    () => false,
  )
}
