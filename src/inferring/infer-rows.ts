import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { loadManifest } from '../data/data.ts'
import { reach, type RowOptions } from '../exploring/exploring.ts'
import { lazyAnalytics } from '../ports/analytics/lazy.ts'
import { files } from '../sources/definition.ts'
import { mergeSchemas, probeFiles, readItem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import { infer, inferredCode, type Inferred } from './inferring.ts'
import { quoted } from './literal.ts'

interface Result {
  code: string
  inferred: Inferred
}

interface Wanted {
  target: string | undefined
}

/** Of a dataset's rows, in the data folder or at a server. */
export async function inferDataset(options: RowOptions, reference: string, wanted: Wanted): Promise<Result> {
  await using rows = await reach(options)
  const version = await rows.version(reference)
  const { parts, schema } = await loadManifest(rows, version)
  const paths: string[] = []
  for (const { sha256 } of parts) paths.push(await rows.artifacts.localPath(sha256))
  if (version.rows === 0) throw new AppError('invalid', `${reference} has no rows to infer from`)
  await using session = await rows.analytics.session()
  const inferred = await infer(session, { parts: [...new Set(paths)], columns: schema }, wanted)
  const origin = `${version.dataset}@${version.number}`
  return { inferred, code: inferredCode(inferred, { name: version.dataset, source: undefined, origin }) }
}

/** Of a file, or of files that a glob names, read as a source reads them. */
export async function inferFiles(glob: string, wanted: Wanted): Promise<Result> {
  const directory = process.cwd()
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-infer-'))
  await using analytics = lazyAnalytics()
  try {
    const items = await probeFiles(files(glob), directory, [])
    if (items.length === 0) throw new AppError('not_found', `No file matches ${glob}`)
    await using session = await analytics.session()
    let columns: Column[] = []
    const parts: string[] = []
    for (const [index, item] of items.entries()) {
      const target = join(folder, `${index}.parquet`)
      const treatments = { columns: new Map() }
      const read = await readItem(session, item, {
        known: columns,
        time: undefined,
        treatments,
        folder,
        target,
      })
      if (!Array.isArray(read)) throw new AppError('invalid', `${item.path}: ${read.message}`)
      columns = mergeSchemas([columns, read])
      parts.push(target)
    }
    const inferred = await infer(session, { parts, columns }, wanted)
    if (inferred.evidence.rows === 0) throw new AppError('invalid', `${glob} has no rows to infer from`)
    const inside = relative(directory, glob)
    const source = `files(${quoted(inside.startsWith('..') ? glob : inside)})`
    return { inferred, code: inferredCode(inferred, { name: nameOf(glob), source, origin: basename(glob) }) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A file's name without its endings; the folder of a glob. */
function nameOf(glob: string): string {
  const parts = glob.split(/[/\\]/).filter((part) => !/[*?{]/.test(part))
  const stem = (parts.at(-1) ?? 'rows').replace(/^\.+/, '').replace(/\..*$/, '')
  const name = stem.replaceAll(/[^A-Za-z0-9_-]+/g, '-').replace(/^[^A-Za-z]+/, '')
  return name === '' ? 'rows' : name.slice(0, 100)
}
