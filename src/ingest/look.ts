import type { Trx } from '../ports/db/db.ts'
import type { Protection } from '../privacy/privacy.ts'
import { probeSource } from '../sources/probe.ts'
import type { KnownItem, SourceItem } from '../sources/sources.ts'
import type { IngestContext } from './plan.ts'
import { pendingPushes } from '../pushes/pushes.ts'
import type { Dataset, DatasetVersion, Part } from '../data/schema.ts'
import { listFileRows } from './store.ts'
import type { DatasetFileRow } from './tables.ts'

/** One attempt to ingest: a folder for what is fetched, and when to give up. */
export interface Round {
  folder: string
  signal: AbortSignal
}

/** What was found at a source. */
export interface Look {
  items: SourceItem[]
  cursor: string | null
  isIncrement: boolean
  /** There is more to be had at once. */
  more?: boolean
  /** What else must happen in the transaction of the version. */
  take?: (trx: Trx, versionId: string) => Promise<void>
}

/** What is known before the source is looked at. */
interface Before {
  cursor: string | null
  quarantined: ReadonlySet<string>
  protection: Protection
  parent: DatasetVersion | undefined
  /** What an increment comes on top of. */
  parts: readonly Part[]
}

export async function lookAt(
  context: IngestContext,
  dataset: Dataset,
  { quarantined, protection, parent, parts, ...round }: Round & Before,
): Promise<Look> {
  const { source } = dataset.definition
  if (source.type === 'push') {
    const { keepKeysMs } = source
    return await pendingPushes(context, { id: dataset.id, keepKeysMs }, quarantined)
  }
  const known = (await listFileRows(context.db.read, dataset.id)).map(toKnown)
  const allowPrivate = context.config.sourcePrivateAddresses
  return await probeSource(source, {
    ...round,
    directory: dataset.directory,
    known,
    allowPrivate,
    columns: parent?.schema ?? [],
    history: () => Promise.all(parts.map(({ sha256 }) => context.artifacts.localPath(sha256))),
    treatments: protection,
    async openSession() {
      const session = await context.analytics.session({ threads: 1 })
      await protection.prepare(session)
      return session
    },
  })
}

function toKnown(row: DatasetFileRow): KnownItem {
  const { path, source_sha256: sha256, size_bytes: sizeBytes, modified_ns: modifiedNs, tag } = row
  return { path, sha256, seen: { sizeBytes, modifiedNs, tag }, seenAtMs: row.created_ms }
}
