import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openOnlineSqlite } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-online-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('takes over the values of the first layout, once', async () => {
  const path = join(folder, 'online.db')
  const first = new DatabaseSync(path)
  first.exec(`
    CREATE TABLE online_value (
      view text NOT NULL, entity_key text NOT NULL, event_ms integer NOT NULL, created_ms integer NOT NULL,
      values_json text NOT NULL, PRIMARY KEY (view, entity_key)
    ) WITHOUT ROWID;
    INSERT INTO online_value VALUES ('a', 'ATL', 5, 6, '[1,null]'), ('a', 'LAX', 7, 7, '[2,"x"]'), ('b', 'ATL', 9, 9, '[3]')`)
  first.close()
  for (let opening = 0; opening < 2; opening++) {
    await using store = openOnlineSqlite(path)
    expect(store.read([{ view: 'a', entityKeys: ['ATL', 'LAX'] }])).toEqual([
      [
        { eventMs: 5, createdMs: 6, values: [1, null] },
        { eventMs: 7, createdMs: 7, values: [2, 'x'] },
      ],
    ])
    expect(store.stats('b', 10)).toEqual({ keys: 1, newestMs: 9, older: 1 })
    expect(await store.marks(['a', 'b'])).toEqual([[], []])
  }
})
