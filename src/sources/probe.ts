import { createHash } from 'node:crypto'
import { createReadStream, type BigIntStats } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import type { FilesSource } from './definition.ts'
import type { Compression, FileFormat } from './reading.ts'

/** What the last probe saw of a file, as its dataset remembers it. */
interface KnownFile {
  path: string
  size_bytes: number
  /** Nanoseconds as text: more than a safe integer. */
  modified_ns: string
  source_sha256: string
  created_ms: number
}

export interface SourceFile {
  /** As reports name it: relative to the project's directory when it lies inside. */
  path: string
  absolutePath: string
  stats: BigIntStats
  sha256: string
  /** False when the last probe saw the same size and time, so that the content was not read. */
  changed: boolean
}

/** A file written within so short a time may change again without its size and time showing it. */
const SETTLED_AFTER_MS = 2_000

/** The files that a source names, in order of their paths. */
async function listFiles(source: FilesSource, directory: string): Promise<string[]> {
  const found: string[] = []
  for await (const path of glob(source.glob, { cwd: directory })) found.push(resolve(directory, path))
  return [...new Set(found)].filter((path) => !isIgnored(path, directory)).sort()
}

function isIgnored(path: string, directory: string): boolean {
  if (/\.(tmp|part|crdownload)$|~$/.test(path)) return true
  const inside = relative(directory, path)
  return inside.startsWith('..')
    ? basename(path).startsWith('.')
    : inside.split(sep).some((name) => name.startsWith('.'))
}

/** What is at the source now. Only files that are new, or of another size or time, are read, to hash them. */
export async function probeFiles(
  source: FilesSource,
  directory: string,
  known: readonly KnownFile[],
): Promise<SourceFile[]> {
  const rows = new Map(known.map((row) => [row.path, row]))
  const files: SourceFile[] = []
  for (const absolutePath of await listFiles(source, directory)) {
    const inside = relative(directory, absolutePath)
    const path = inside.startsWith('..') ? absolutePath : inside
    const stats = await statFile(absolutePath)
    if (!stats?.isFile()) continue
    const row = rows.get(path)
    const same = row && isUnchanged(row, stats)
    const sha256 = same ? row.source_sha256 : await hashStable(absolutePath, path, stats)
    files.push({ path, absolutePath, stats, sha256, changed: !same })
  }
  return files
}

function isUnchanged(row: KnownFile, stats: BigIntStats): boolean {
  return (
    row.size_bytes === Number(stats.size) &&
    row.modified_ns === String(stats.mtimeNs) &&
    row.created_ms - Number(stats.mtimeMs) > SETTLED_AFTER_MS
  )
}

async function hashStable(absolutePath: string, path: string, before: BigIntStats): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(absolutePath, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer)
  await requireUnchanged(absolutePath, path, before)
  return hash.digest('hex')
}

/** Throws `conflict` when a file is no longer what it was when it was looked at. */
export async function requireUnchanged(
  absolutePath: string,
  path: string,
  before: BigIntStats,
): Promise<void> {
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

/** How a file is to be read. A compressed file has a second ending, such as `.csv.gz`. */
export function readingOf(
  source: FilesSource,
  path: string,
): { format: FileFormat; delimiter: string; compression: Compression } {
  const endings = /\.[a-z0-9.]+$/i.exec(basename(path))?.[0].toLowerCase().split('.') ?? []
  const compression = COMPRESSION_OF_ENDING[endings.at(-1) ?? ''] ?? 'none'
  const ending = endings.at(compression === 'none' ? -1 : -2) ?? ''
  const format = source.format ?? FORMAT_OF_ENDING[ending]
  if (!format) {
    throw new AppError(
      'invalid',
      `${path} ends in none of ${Object.keys(FORMAT_OF_ENDING)
        .map((known) => `.${known}`)
        .join(', ')}: give the source a format`,
    )
  }
  return { format, delimiter: source.delimiter ?? (ending === 'tsv' ? '\t' : ','), compression }
}

const COMPRESSION_OF_ENDING: Readonly<Record<string, Compression>> = {
  gz: 'gzip',
  zst: 'zstd',
  br: 'brotli',
}

const FORMAT_OF_ENDING: Readonly<Record<string, FileFormat>> = {
  parquet: 'parquet',
  pq: 'parquet',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
}
