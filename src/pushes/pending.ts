import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { hashJson } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import { parquetScan, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { SourceItem } from '../sources/sources.ts'
import { deleteOldPushes, listPendingPushes, updatePushesTaken } from './store.ts'
import type { DatasetPushRow } from './tables.ts'

/** So many pushes become one part, marked in the transaction of their version. */
const MOST_PUSHES = 500
/** How long a key is known without `keepKeys`. */
const KEEP_KEYS_MS = 90 * DAY_MS

/**
 * What was pushed and is part of no version, as one item, so that many small pushes make no heap of small parts. When that item was set aside,
 * each push is an item of its own, which finds the guilty ones; from then on these stay out.
 */
export async function pendingPushes(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>,
  { id, keepKeysMs = KEEP_KEYS_MS }: { id: string; keepKeysMs: number | undefined },
  quarantined: ReadonlySet<string>,
) {
  const pending = (await listPendingPushes(context.db.read, id, MOST_PUSHES + 1 + quarantined.size)).filter(
    (push) => !quarantined.has(identity([push])),
  )
  const pushes = pending.slice(0, MOST_PUSHES)
  const together = pushes.length > 0 && !quarantined.has(identity(pushes))
  const items = together ? [toItem(context, pushes)] : pushes.map((push) => toItem(context, [push]))
  return {
    items,
    cursor: null,
    isIncrement: true,
    more: together && pending.length > MOST_PUSHES,
    async take(trx: Trx, versionId: string) {
      await updatePushesTaken(
        trx,
        pushes.map((push) => push.id),
        versionId,
      )
      // Here, since keys are as many as pushes, and each push leads to a version.
      await deleteOldPushes(trx, id, context.clock.now() - keepKeysMs)
    },
  }
}

/** Pushes of equal rows are different pushes: their ids count, not their bytes. */
function identity(pushes: readonly DatasetPushRow[]): string {
  return hashJson(pushes.map((push) => push.id))
}

function toItem(
  { artifacts, analytics }: Pick<Context, 'artifacts' | 'analytics'>,
  pushes: readonly DatasetPushRow[],
): SourceItem {
  const [first, last] = [pushes[0]!, pushes.at(-1)!]
  return {
    path:
      pushes.length === 1 ? `push ${first.key}` : `${pushes.length} pushes from ${first.key} to ${last.key}`,
    sha256: identity(pushes),
    changed: true,
    reading: { format: 'parquet', delimiter: ',', compression: 'none' },
    isTreated: true,
    seen: null,
    async use(work) {
      const paths = await Promise.all(pushes.map(({ sha256 }) => artifacts.localPath(sha256)))
      if (paths.length === 1) return await work(paths[0]!)
      const folder = await mkdtemp(join(tmpdir(), 'tidemill-pushes-'))
      try {
        const target = join(folder, 'pushes.parquet')
        await using session = await analytics.session({ threads: 1 })
        await session.execute(
          `COPY (SELECT * FROM ${parquetScan(paths)}) TO ${quoteLiteral(target)} (FORMAT parquet)`,
        )
        return await work(target)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    requireUnchanged: async () => undefined,
  }
}
