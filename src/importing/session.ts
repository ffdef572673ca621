import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import type { Trx } from '../ports/db/db.ts'
import type { ImportLimits } from './limits.ts'
import type { Progress } from './progress.ts'
import { KINDS, type ImportReport, type Kind, type MlflowSource, type Tally } from './schema.ts'
import { upsertObjects } from './store.ts'
import type { ImportObjectRow } from './tables.ts'

export type ImportContext = Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts' | 'log'>

/** One import while it goes on: what it reads, where it writes, and what it has counted. */
export interface Session {
  context: ImportContext
  caller: Caller
  source: MlflowSource
  sourceId: string
  progress: Progress
  /** Ids of experiments here, by their ids in the source, and what became of those. */
  experiments: Map<string, { id: string; artifactLocation: string; deletedMs?: number }>
  counts: Record<Kind, Tally>
  metricPoints: number
  artifactBytes: number
  limits: ImportLimits
  mapping: ImportReport['mapping']
  skipped: Map<string, number>
}

export function emptyCounts(): Record<Kind, Tally> {
  const tallies = KINDS.map((kind) => [kind, { imported: 0, unchanged: 0, skipped: 0 }] as const)
  return Object.fromEntries(tallies) as Record<Kind, Tally>
}

export function skip(session: Session, kind: Kind, reason: string, count = 1): void {
  session.counts[kind].skipped += count
  const key = `${kind}\n${reason}`
  session.skipped.set(key, (session.skipped.get(key) ?? 0) + count)
}

export type Mark = Pick<ImportObjectRow, 'kind' | 'key' | 'state'> &
  Partial<Pick<ImportObjectRow, 'target' | 'fingerprint' | 'checksum'>>

/** Notes how far things have come, in the transaction that brought them there. */
export async function note(session: Session, trx: Trx, marks: readonly Mark[]): Promise<void> {
  const updated_ms = await session.context.db.wallTime(trx)
  await upsertObjects(
    trx,
    marks.map(({ target = '', fingerprint = '', checksum = '', ...mark }) => ({
      source_id: session.sourceId,
      project_id: session.caller.projectId,
      ...mark,
      target,
      fingerprint,
      checksum,
      updated_ms,
    })),
  )
}

/** True when the thing was imported as it is now. */
export function isUnchanged(known: ImportObjectRow | undefined, fingerprint: string): boolean {
  return known !== undefined && known.state !== 'started' && known.fingerprint === fingerprint
}
