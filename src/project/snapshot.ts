import { chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { canonicalJson, sha256 } from '../kernel/json.ts'
import { parseSnapshot, type Snapshot } from '../ports/artifacts/code-snapshot.ts'

const MAX_BYTES = 20 * 1024 * 1024

export async function makeSnapshot(root: string, paths: Iterable<string>): Promise<Snapshot> {
  const files: Snapshot['files'] = {}
  const sizes: [number, string][] = []
  for (const path of [...new Set(paths)].sort()) {
    const bytes = await readFile(join(root, path))
    const { mode } = await stat(join(root, path))
    files[path] = { base64: bytes.toString('base64'), executable: (mode & 0o100) !== 0 }
    sizes.push([bytes.byteLength, path])
  }
  const total = sizes.reduce((sum, [size]) => sum + size, 0)
  if (total > MAX_BYTES) {
    const [largest] = sizes.sort(([a], [b]) => b - a)
    throw new AppError(
      'invalid',
      `The project’s code has ${total} bytes, more than ${MAX_BYTES}; the largest file is ${largest![1]}. Data belongs in a dataset.`,
    )
  }
  return { format: 1, files }
}

export function snapshotBytes(snapshot: Snapshot): Uint8Array {
  return Buffer.from(canonicalJson(snapshot))
}

export function snapshotHash(snapshot: Snapshot): string {
  return sha256(snapshotBytes(snapshot))
}

/**
 * The folder `<dataDir>/code/<hash>` with the snapshot's files; made when it is missing. `dependencies` is the
 * project's `node_modules`, which is linked into it, as is a `.venv` beside it.
 */
export async function unpackSnapshot(
  { artifacts, config }: Pick<Context, 'artifacts' | 'config'>,
  { hash, dependencies }: { hash: string; dependencies: string | undefined },
): Promise<string> {
  const folder = join(config.dataDir, 'code', hash)
  if (await exists(folder)) return folder
  const snapshot = parseSnapshot(JSON.parse(Buffer.from(await artifacts.bytes(hash)).toString('utf8')))
  // A name of its own for each unpacking: several runs of one process may unpack the same snapshot at once.
  const temporary = `${folder}.${randomIds.hex32()}.tmp`
  for (const [path, file] of Object.entries(snapshot.files)) {
    const target = join(temporary, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, Buffer.from(file.base64, 'base64'))
    await chmod(target, file.executable ? 0o555 : 0o444)
  }
  await mkdir(temporary, { recursive: true })
  if (dependencies !== undefined) {
    await symlink(dependencies, join(temporary, 'node_modules'))
    const python = join(dirname(dependencies), '.venv')
    if (await exists(python)) await symlink(python, join(temporary, '.venv'))
  }
  await rename(temporary, folder).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true })
    if (!(await exists(folder))) throw error
  })
  return folder
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
