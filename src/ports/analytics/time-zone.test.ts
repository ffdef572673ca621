import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)

/** What SQL says of times with a zone, around the hour that New York skips in spring and the one that it has twice in autumn. */
const SCRIPT = `
import { openDuckDb } from '${new URL('./duckdb.ts', import.meta.url).href}'
import { openReadOnly } from '${new URL('./read-only.ts', import.meta.url).href}'
const times = ['2001-04-01 06:59:59.999+00', '2001-04-01 07:00:00+00', '2001-04-01 02:30:00+00', '2001-10-28 05:30:00+00', '2001-10-28 06:30:00+00']
const sql = "SELECT epoch_ms(CAST(t AS TIMESTAMP)) AS ms, CAST(date_trunc('day', t) AS VARCHAR) AS day, CAST(hour(t) AS INTEGER) AS hour FROM (SELECT unnest(["
  + times.map((time) => "TIMESTAMPTZ '" + time + "'").join(', ') + ']) AS t)'
await using analytics = openDuckDb()
const rows = await analytics.query(sql)
await using session = await analytics.session({ threads: 1 })
await using shown = await openReadOnly({}, [])
const { rows: people } = await shown.select('SELECT CAST(hour(TIMESTAMPTZ \\'2001-04-01 07:00:00+00\\') AS INTEGER) AS hour', 10)
console.log(JSON.stringify([times.map((time, at) => rows[at].ms - Date.parse(time)), rows, await session.query(sql), people]))
`

it('Times are in UTC, whatever the zone of the machine', async () => {
  const said = await Promise.all(
    ['UTC', 'America/New_York', 'Asia/Kathmandu'].map(async (zone) => {
      const options = { env: { ...process.env, TZ: zone } }
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SCRIPT], options)
      return stdout
    }),
  )
  expect(JSON.parse(said[0]!)[0]).toEqual([0, 0, 0, 0, 0])
  expect(said[1]).toBe(said[0])
  expect(said[2]).toBe(said[0])
})
