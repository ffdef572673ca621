import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from './duckdb.ts'
import { duckDbProcess } from './duckdb-process.ts'
import { endingWith } from './ending-with.ts'
import { quoteLiteral } from './analytics.ts'
import { lives } from '../../../test/crash/processes.ts'
import { duckDbPid } from '../../../test/duckdb-pid.ts'
import { vegaFile } from '../../../test/real-datasets.ts'

const analytics = duckDbProcess({ memoryLimit: '500MB' })
const FOR_EVER = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'

afterAll(() => analytics[Symbol.asyncDispose]())

it('answers as DuckDB in this process does: values, errors, temporary tables, appended rows and pieces', async () => {
  const [row] = await analytics.query(
    "SELECT 9007199254740993 AS big, [1, 2] AS list, '\\xC3\\xA9'::BLOB AS bytes, NULL AS none, ? AS given",
    [7n],
  )
  expect(row).toMatchObject({ big: 9007199254740993n, list: [1, 2], none: null, given: 7 })
  expect(Buffer.from(row!['bytes'] as Uint8Array).toString()).toBe('é')
  await expect(analytics.query('SELECT nothing FROM nowhere')).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('nowhere'),
  })
  await using session = await analytics.session({ threads: 1 })
  await session.execute('CREATE TEMP TABLE stock (symbol VARCHAR, price DOUBLE, volume BIGINT)')
  await session.append(
    'stock',
    ['VARCHAR', 'DOUBLE', 'BIGINT'],
    [
      ['MSFT', null],
      [39.81, 0.5],
      [2n, 3n],
    ],
  )
  expect(await session.columns('SELECT * FROM stock ORDER BY volume')).toEqual({
    symbol: ['MSFT', null],
    price: [39.81, 0.5],
    volume: [2, 3],
  })
  let rows = 0
  const scan = `SELECT delay FROM read_parquet(${quoteLiteral(vegaFile('flights-3m.parquet'))}) LIMIT 10000`
  for await (const { delay: values } of session.chunks(scan)) rows += values!.length
  expect(rows).toBe(10_000)
  // A reader that stops early leaves the session usable.
  for await (const piece of session.chunks(scan)) {
    expect(piece['delay']!.length).toBeGreaterThan(0)
    break
  }
  expect(await session.query('SELECT count(*) AS n FROM stock')).toEqual([{ n: 2 }])
})

it('fails what runs when it is killed, and starts anew for who asks next', async () => {
  const pid = await duckDbPid(analytics)
  await using session = await analytics.session()
  const failed = expect(session.query(FOR_EVER)).rejects.toMatchObject({ code: 'unavailable' })
  await delay(100)
  process.kill(pid, 'SIGKILL')
  await failed
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'unavailable' })
  expect(await duckDbPid(analytics)).not.toBe(pid)
})

it('ends every query of a signal, also those that wait for a thread, and answers others meanwhile', async () => {
  const ended = new AbortController()
  const limited = endingWith(analytics, () => ({ signal: ended.signal, start: () => new DisposableStack() }))
  const running = Array.from({ length: 24 }, () =>
    expect(limited.query(FOR_EVER)).rejects.toThrow('the end of this test'),
  )
  await delay(200)
  ended.abort(new Error('the end of this test'))
  await Promise.all(running)
  await expect(limited.query('SELECT 1')).rejects.toThrow('the end of this test')
  expect(await analytics.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})

it('Refuses a query that writes more to disk than is allowed, with the setting, and goes on', async () => {
  await using small = openDuckDb({ memoryLimit: '60MB', maxSpillMb: 40 })
  const rows = `read_parquet(${quoteLiteral(vegaFile('flights-3m.parquet'))})`
  await expect(
    small.execute(`CREATE TEMP TABLE sorted AS FROM ${rows} ORDER BY delay, distance, date`),
  ).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(/more than 40.0 MiB to disk.*maxSpillMb, TIDEMILL_MAX_SPILL_MB/),
  })
  expect(await small.query(`SELECT count(*) AS n FROM ${rows}`)).toEqual([{ n: 3_000_000 }])
})

it('gives its memory back when nobody asks any more', async () => {
  await using brief = duckDbProcess({ memoryLimit: '500MB', idleMs: 50 })
  const pid = await duckDbPid(brief)
  await expect.poll(() => lives(pid)).toBe(false)
  expect(await duckDbPid(brief)).not.toBe(pid)
})

it('ends with a parent that is killed, in the middle of a query', async () => {
  const script = `
    import { duckDbProcess } from '${new URL('./duckdb-process.ts', import.meta.url).href}'
    import { duckDbPid } from '${new URL('../../../test/duckdb-pid.ts', import.meta.url).href}'
    const analytics = duckDbProcess({ memoryLimit: '500MB' })
    process.stdout.write(String(await duckDbPid(analytics)))
    await analytics.query('${FOR_EVER}')`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [said] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(said.toString())
  expect(lives(pid)).toBe(true)
  await delay(100)
  parent.kill('SIGKILL')
  await expect.poll(() => lives(pid)).toBe(false)
})
