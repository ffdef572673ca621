import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { OnlineRead, OnlineRow, OnlineStats, OnlineStore, OnlineWrite } from './online.ts'

const BATCH_ROWS = 500

/** Everything that is read comes at once. */
export interface OnlineSqlite extends OnlineStore {
  read(reads: readonly OnlineRead[]): (OnlineRow | undefined)[][]
  stats(view: string, beforeMs: number): OnlineStats
}

/** The online store of one machine: a SQLite file of its own, which several processes may use at once. */
export function openOnlineSqlite(path: string): OnlineSqlite {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS online_value (
      view text NOT NULL, entity_key text NOT NULL, event_ms integer NOT NULL, created_ms integer NOT NULL,
      values_json text NOT NULL, PRIMARY KEY (view, entity_key)
    ) WITHOUT ROWID`)
  const select = database.prepare(
    'SELECT event_ms, created_ms, values_json FROM online_value WHERE view = ? AND entity_key = ?',
  )
  select.setReturnArrays(true)
  const upsert = database.prepare(`
    INSERT INTO online_value (view, entity_key, event_ms, created_ms, values_json) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (view, entity_key) DO UPDATE
    SET event_ms = excluded.event_ms, created_ms = excluded.created_ms, values_json = excluded.values_json
    WHERE (excluded.event_ms, excluded.created_ms) >= (online_value.event_ms, online_value.created_ms)`)
  const clear = database.prepare('DELETE FROM online_value WHERE view = ?')
  const count = database.prepare(`
    SELECT count(*) AS keys, max(event_ms) AS newest, coalesce(sum(event_ms < ?), 0) AS older
    FROM online_value WHERE view = ?`)
  const put = (view: string, rows: readonly OnlineWrite[]): void => {
    for (const row of rows) {
      upsert.run(view, row.entityKey, row.eventMs, row.createdMs, JSON.stringify(row.values))
    }
  }
  const transaction = (work: () => void): void => {
    database.exec('BEGIN IMMEDIATE')
    try {
      work()
      database.exec('COMMIT')
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }
  return {
    read: (reads) =>
      reads.map(({ view, entityKeys }) =>
        entityKeys.map((key): OnlineRow | undefined => {
          if (key === undefined) return undefined
          const row = select.get(view, key) as unknown as [number, number, string] | undefined
          return (
            row && { eventMs: row[0], createdMs: row[1], values: JSON.parse(row[2]) as OnlineRow['values'] }
          )
        }),
      ),
    async write(view, rows) {
      for (let start = 0; start < rows.length; start += BATCH_ROWS) {
        if (start > 0) await pause(0)
        transaction(() => put(view, rows.slice(start, start + BATCH_ROWS)))
      }
    },
    async replace(view, rows) {
      transaction(() => {
        clear.run(view)
        put(view, rows)
      })
    },
    stats(view, beforeMs): OnlineStats {
      const row = count.get(beforeMs, view) as { keys: number; newest: number | null; older: number }
      return { keys: row.keys, newestMs: row.newest, older: row.older }
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}
