import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openOnlineSqlite } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-online-'))
const writer = openOnlineSqlite(join(folder, 'online.db'))
const reader = openOnlineSqlite(join(folder, 'online.db'))
afterAll(async () => {
  await writer[Symbol.asyncDispose]()
  await reader[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const row = (entityKey: string, eventMs: number, value: number, createdMs = eventMs) => ({
  entityKey,
  eventMs,
  createdMs,
  values: [value, null, 'text'],
})

it('shows what another process wrote, and nothing of other views', async () => {
  await writer.write('a', [row('ATL', 5, 1), row('LAX', 6, 2)])
  await writer.write('b', [row('ATL', 7, 3)])
  expect(reader.read([{ view: 'a', entityKeys: ['LAX', 'BOS', 'ATL'] }])[0]!).toEqual([
    { eventMs: 6, createdMs: 6, values: [2, null, 'text'] },
    undefined,
    { eventMs: 5, createdMs: 5, values: [1, null, 'text'] },
  ])
  expect(reader.stats('a', 6)).toEqual({ keys: 2, newestMs: 6, older: 1 })
  expect(reader.stats('nothing', 6)).toEqual({ keys: 0, newestMs: null, older: 0 })
})

it('ends with the newest row of each key, in whatever order and however often rows are written', async () => {
  let run = 0
  const rows = fc.array(
    fc.record({
      entityKey: fc.constantFrom('x', 'y'),
      eventMs: fc.nat(5),
      createdMs: fc.nat(5),
      values: fc.constant([1]),
    }),
  )
  await fc.assert(
    fc.asyncProperty(rows, async (written) => {
      const view = `property ${run++}`
      for (const each of [...written, ...written.toReversed()]) await writer.write(view, [each])
      for (const key of ['x', 'y']) {
        const newest = written
          .filter(({ entityKey }) => entityKey === key)
          .sort((a, b) => b.eventMs - a.eventMs || b.createdMs - a.createdMs)[0]
        const [found] = reader.read([{ view, entityKeys: [key] }])[0]!
        expect([found?.eventMs, found?.createdMs]).toEqual([newest?.eventMs, newest?.createdMs])
      }
    }),
    { numRuns: 30 },
  )
})

it('takes the later of two writes for the same moment, and replaces a view at once', async () => {
  await writer.write('c', [row('ATL', 5, 1)])
  await writer.write('c', [row('ATL', 5, 2), row('LAX', 9, 9)])
  await writer.write('c', [row('ATL', 4, 3)])
  expect(reader.read([{ view: 'c', entityKeys: ['ATL'] }])[0]![0]!.values[0]).toBe(2)
  await writer.replace('c', [row('ATL', 1, 4)])
  expect(reader.read([{ view: 'c', entityKeys: ['ATL', 'LAX'] }])[0]!).toEqual([
    { eventMs: 1, createdMs: 1, values: [4, null, 'text'] },
    undefined,
  ])
})
