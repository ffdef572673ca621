import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MODEL_FILE =
  /\.(onnx|pkl|pickle|joblib|pt|pth|safetensors|keras|h5|cbm|ubj|bst|pmml|gguf|model)$|^model\.(json|txt|bin)$/
/** Never a place where a script writes its model. */
const LEFT_OUT = new Set(['node_modules', 'site-packages', '__pycache__', 'mlruns'])
const LARGEST_SCAN = 50_000
const LARGEST_DIFF_BYTES = 5_000_000
/** Times of files come from a clock that lags by up to a tick of the kernel. */
const CLOCK_LAG_MS = 20

export interface CodeState {
  /** What git has not committed, untracked files included; empty outside of a repository. */
  diff: string
  tags: Record<string, string>
}

/** The commit of a folder, and what differs from it. */
export async function describeCode(folder: string): Promise<CodeState> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', args, { cwd: folder, maxBuffer: LARGEST_DIFF_BYTES })).stdout
  const commit = await git('rev-parse', 'HEAD').then(
    (text) => text.trim(),
    () => undefined,
  )
  if (commit === undefined) return { diff: '', tags: {} }
  const tags = { 'mlflow.source.git.commit': commit }
  try {
    const tracked = await git('diff', 'HEAD')
    const untracked = await git('ls-files', '--others', '--exclude-standard', '-z')
    const parts = [tracked]
    for (const path of untracked.split('\0').filter((path) => path !== '')) {
      parts.push(await diffOfNew(folder, path))
    }
    const diff = parts.join('')
    if (diff.length <= LARGEST_DIFF_BYTES)
      return { diff, tags: { ...tags, 'tidemill.code.dirty': String(diff !== '') } }
  } catch {
    // Git was killed for too much output: the next line says what is known.
  }
  return { diff: '', tags: { ...tags, 'tidemill.code.dirty': 'true', 'tidemill.code.diff': 'too large' } }
}

/** Git ends with 1 when two files differ, which a new file and nothing always do. */
async function diffOfNew(folder: string, path: string): Promise<string> {
  const args = ['diff', '--no-index', '--', '/dev/null', path]
  return await run('git', args, { cwd: folder, maxBuffer: LARGEST_DIFF_BYTES }).then(
    ({ stdout }) => stdout,
    (error: { code?: unknown; stdout?: string }) => {
      if (error.code === 1) return error.stdout ?? ''
      throw error
    },
  )
}

const LIST_PACKAGES = `import importlib.metadata as m
print('\\n'.join(sorted({f"{d.metadata['Name']}=={d.version}" for d in m.distributions()}, key=str.lower)))`

/** Versions of what the command runs on: of its own Python where it is one. */
export async function describeEnvironment(program: string): Promise<string> {
  const lines = [`platform ${process.platform} ${process.arch}`, `node ${process.version}`]
  const python = /^python[\d.]*$/.test(basename(program)) ? program : 'python3'
  const ask = async (...args: string[]): Promise<string | undefined> =>
    await run(python, args, { timeout: 20_000, maxBuffer: LARGEST_DIFF_BYTES }).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    )
  const version = await ask('--version')
  if (version === undefined) return `${lines.join('\n')}\n`
  const packages = await ask('-c', LIST_PACKAGES)
  return [...lines, version, ...(packages ? ['', packages] : []), ''].join('\n')
}

/** Model files below a folder that were written since a time, relative to it. Hidden folders are not looked into. */
export async function modelFilesSince(folder: string, sinceMs: number): Promise<string[]> {
  const found: string[] = []
  const waiting = [folder]
  let seen = 0
  for (let next = waiting.shift(); next !== undefined && seen < LARGEST_SCAN; next = waiting.shift()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      seen += 1
      const path = join(next, entry.name)
      if (entry.isDirectory() && !entry.name.startsWith('.') && !LEFT_OUT.has(entry.name)) waiting.push(path)
      if (!entry.isFile() || !MODEL_FILE.test(entry.name)) continue
      if ((await stat(path)).mtimeMs >= sinceMs - CLOCK_LAG_MS) found.push(relative(folder, path))
    }
  }
  return found.sort()
}
