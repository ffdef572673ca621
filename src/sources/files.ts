import type { BigIntStats } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import { hashFile } from '../kernel/hash-file.ts'
import { AppError } from '../kernel/errors.ts'
import type { FilesSource } from './definition.ts'
import type { KnownItem, SourceItem } from './item.ts'
import { readingOf } from './reading.ts'

/** A file written within so short a time may change again without its size and time showing it. */
const SETTLED_AFTER_MS = 2_000

/** The files that a source names, in order of their paths. */
async function listFiles(source: FilesSource, directory: string): Promise<string[]> {
  const found: string[] = []
  for await (const path of glob(source.glob, { cwd: directory })) found.push(resolve(directory, path))
  return [...new Set(found)].filter((path) => !isIgnored(path, directory)).sort()
}

function isIgnored(path: string, directory: string): boolean {
  if (isUnfinished(path)) return true
  const inside = relative(directory, path)
  return inside.startsWith('..')
    ? basename(path).startsWith('.')
    : inside.split(sep).some((name) => name.startsWith('.'))
}

/** Names that programs write under until a file is complete. */
export function isUnfinished(path: string): boolean {
  return /\.(tmp|part|crdownload)$|~$/.test(path)
}

/** What is at the source now. Only files that are new, or of another size or time, are read, to hash them. */
export async function probeFiles(
  source: FilesSource,
  directory: string,
  known: readonly KnownItem[],
): Promise<SourceItem[]> {
  const rows = new Map(known.map((item) => [item.path, item]))
  const files: SourceItem[] = []
  for (const absolutePath of await listFiles(source, directory)) {
    const inside = relative(directory, absolutePath)
    const path = inside.startsWith('..') ? absolutePath : inside
    const stats = await statFile(absolutePath)
    if (!stats?.isFile()) continue
    const before = rows.get(path)
    const same = before && isUnchanged(before, stats)
    files.push({
      path,
      sha256: same ? before.sha256 : await hashStable(absolutePath, path, stats),
      changed: !same,
      reading: readingOf(source, path),
      isTreated: false,
      seen: { sizeBytes: Number(stats.size), modifiedNs: String(stats.mtimeNs), tag: null },
      use: (work) => work(absolutePath),
      requireUnchanged: () => requireUnchanged(absolutePath, path, stats),
    })
  }
  return files
}

function isUnchanged({ seen, seenAtMs }: KnownItem, stats: BigIntStats): boolean {
  return (
    seen.sizeBytes === Number(stats.size) &&
    seen.modifiedNs === String(stats.mtimeNs) &&
    seenAtMs - Number(stats.mtimeMs) > SETTLED_AFTER_MS
  )
}

async function hashStable(absolutePath: string, path: string, before: BigIntStats): Promise<string> {
  const { sha256 } = await hashFile(absolutePath)
  await requireUnchanged(absolutePath, path, before)
  return sha256
}

/** Throws `conflict` when a file is no longer what it was when it was looked at. */
async function requireUnchanged(absolutePath: string, path: string, before: BigIntStats): Promise<void> {
  const now = await statFile(absolutePath)
  if (now && now.size === before.size && now.mtimeNs === before.mtimeNs && now.ino === before.ino) return
  throw new AppError(
    'conflict',
    `${path} changed while it was being read; nothing was ingested. Write files under a name that ends in .tmp and rename them when they are complete.`,
    { details: { path } },
  )
}

async function statFile(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AppError('unavailable', `${path} can't be read: ${(error as Error).message}`, { cause: error })
  }
}
