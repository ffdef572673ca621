import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson, sha256 } from '../kernel/json.ts'
import type { Snapshot } from '../ports/artifacts/code-snapshot.ts'

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
