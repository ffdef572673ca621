import { DatabaseSync } from 'node:sqlite'
import type { OnlineRow, OnlineStore } from './online.ts'

const BATCH_ROWS = 500

/** The online store of one machine: a SQLite file of its own, which several processes may use at once. */
export function openOnlineSqlite(path: string): OnlineStore {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS online_value (
      view text NOT NULL, entity_key text NOT NULL, event_ms integer NOT NULL, values_json text NOT NULL,
      PRIMARY KEY (view, entity_key)
    ) WITHOUT ROWID`)
  const select = database.prepare(
    'SELECT event_ms, values_json FROM online_value WHERE view = ? AND entity_key = ?',
  )
  const upsert = database.prepare(`
    INSERT INTO online_value (view, entity_key, event_ms, values_json) VALUES (?, ?, ?, ?)
    ON CONFLICT (view, entity_key) DO UPDATE SET event_ms = excluded.event_ms, values_json = excluded.values_json
    WHERE excluded.event_ms >= online_value.event_ms`)
  return {
    read(view, entityKeys) {
      return entityKeys.map((key): OnlineRow | undefined => {
        const row = select.get(view, key) as { event_ms: number; values_json: string } | undefined
        return row && { eventMs: row.event_ms, values: JSON.parse(row.values_json) as OnlineRow['values'] }
      })
    },
    async write(view, rows) {
      for (let start = 0; start < rows.length; start += BATCH_ROWS) {
        database.exec('BEGIN IMMEDIATE')
        try {
          for (const row of rows.slice(start, start + BATCH_ROWS)) {
            upsert.run(view, row.entityKey, row.eventMs, JSON.stringify(row.values))
          }
          database.exec('COMMIT')
        } catch (error) {
          database.exec('ROLLBACK')
          throw error
        }
      }
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}
