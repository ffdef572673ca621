import * as fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { describeOnlineStores } from '../../../test/online-stores.ts'
import { NewestRows } from '../../../test/newest-rows.ts'
import type { OnlineStore, OnlineWrite } from './online.ts'

const row = (entityKey: string, eventMs: number, value: number, createdMs = eventMs): OnlineWrite => ({
  entityKey,
  eventMs,
  createdMs,
  values: [value, null, 'naïve "text"'],
})

async function* chunks(...lists: OnlineWrite[][]): AsyncIterable<OnlineWrite[]> {
  for (const rows of lists) yield rows
}

describeOnlineStores('an online store', (open) => {
  let writer: OnlineStore
  let reader: OnlineStore
  beforeAll(async () => {
    writer = await open()
    reader = await open()
  })
  const values = async (view: string, ...entityKeys: string[]): Promise<unknown[]> => {
    const [rows] = await reader.read([{ view, entityKeys }])
    return rows!.map((found) => found?.values[0])
  }

  it('shows what another process wrote, for many keys of many views at once', async () => {
    await writer.write('a', [row('ATL', 5, 1), row('LAX', -6, 2)])
    await writer.write('b', [row('ATL', 7, 3)])
    const found = await reader.read([
      { view: 'a', entityKeys: ['LAX', undefined, 'BOS', 'ATL'] },
      { view: 'nothing', entityKeys: ['ATL'] },
      { view: 'b', entityKeys: [undefined] },
      { view: 'b', entityKeys: ['ATL', 'ATL'] },
    ])
    const { entityKey: _, ...third } = row('ATL', 7, 3)
    expect(found).toEqual([
      [
        { eventMs: -6, createdMs: -6, values: [2, null, 'naïve "text"'] },
        undefined,
        undefined,
        { eventMs: 5, createdMs: 5, values: [1, null, 'naïve "text"'] },
      ],
      [undefined],
      [undefined],
      [third, third],
    ])
    expect(await reader.read([])).toEqual([])
    expect(await reader.stats('a', 5)).toEqual({ keys: 2, newestMs: 5, older: 1 })
    expect(await reader.stats('nothing', 6)).toEqual({ keys: 0, newestMs: null, older: 0 })
  })

  it('takes the later of two writes for the same moment, and none for an earlier one', async () => {
    await writer.write('c', [row('ATL', 5, 1)])
    await writer.write('c', [row('ATL', 5, 2), row('', 9, 9)])
    await writer.write('c', [row('ATL', 4, 3)])
    await writer.write('c', [row('ATL', 5, 4, 4)])
    expect(await values('c', 'ATL', '')).toEqual([2, 9])
    await expect(writer.write('c', [row('ATL', 5.5, 1)])).rejects.toThrow('whole milliseconds')
  })

  it('replaces a view at once, and shows the old rows until then', async () => {
    await using claim = await writer.claim('d')
    await claim!.write([row('ATL', 5, 1), row('LAX', 9, 1)])
    const seen: unknown[][] = []
    const watched = async function* () {
      yield [row('ATL', 1, 2)]
      seen.push(await values('d', 'ATL', 'LAX', 'BOS'))
      yield [row('BOS', 1, 2)]
      seen.push(await values('d', 'ATL', 'LAX', 'BOS'))
    }
    expect(await claim!.replace(watched())).toBe(2)
    expect(seen).toEqual([
      [1, 1, undefined],
      [1, 1, undefined],
    ])
    expect(await values('d', 'ATL', 'LAX', 'BOS')).toEqual([2, undefined, 2])
    expect(await reader.stats('d', 100)).toEqual({ keys: 2, newestMs: 1, older: 2 })
    await claim!.replace(chunks())
    expect(await reader.stats('d', 100)).toEqual({ keys: 0, newestMs: null, older: 0 })
  })

  it('keeps rows that came by themselves and are newer than what replaces the others', async () => {
    await writer.write('e', [row('old', 1, 1), row('new', 9, 1), row('only', 3, 1)])
    await using claim = await writer.claim('e')
    const during = async function* () {
      yield [row('old', 2, 2), row('new', 2, 2), row('late', 2, 2)]
      await writer.write('e', [row('late', 7, 3), row('added', 1, 3)])
    }
    await claim!.replace(during())
    expect(await values('e', 'old', 'new', 'only', 'late', 'added')).toEqual([2, 1, 1, 3, 3])
    await claim!.replace(chunks([row('late', 8, 4)]))
    expect(await values('e', 'old', 'new', 'only', 'late', 'added')).toEqual([undefined, 1, 1, 4, 3])
  })

  it('replaces more rows than one step takes, pushed ones among them', async () => {
    const many = (value: number, eventMs: number): OnlineWrite[] =>
      Array.from({ length: 1_300 }, (_, i) => row(`k${i}`, eventMs, value))
    await writer.write('f', many(1, 5))
    await using claim = await writer.claim('f')
    await claim!.replace(chunks(many(2, 4).slice(0, 700), many(2, 6).slice(700)))
    const found = await values('f', ...many(0, 0).map(({ entityKey }) => entityKey))
    expect(found).toEqual([...Array<number>(700).fill(1), ...Array<number>(600).fill(2)])
    expect(await reader.stats('f', 6)).toEqual({ keys: 1_300, newestMs: 6, older: 700 })
  })

  it('gives the right to materialise to one process, and knows what was finished', async () => {
    const first = await writer.claim('g')
    expect(first!.marks).toEqual([])
    expect(await reader.claim('g')).toBeUndefined()
    for (const mark of ['m1', 'm2', 'm3']) await first!.finish(mark)
    expect(await reader.marks(['g', 'nothing'])).toEqual([['m3', 'm2'], []])
    await first![Symbol.asyncDispose]()
    await using second = await reader.claim('g')
    expect(second!.marks).toEqual(['m3', 'm2'])
    const conflict = expect.objectContaining({ code: 'conflict' })
    await expect(first!.write([row('ATL', 99, 1)])).rejects.toEqual(conflict)
    await expect(first!.replace(chunks([row('ATL', 99, 1)]))).rejects.toEqual(conflict)
    await expect(first!.finish('m4')).rejects.toEqual(conflict)
    await first![Symbol.asyncDispose]()
    await second!.write([row('ATL', 1, 2)])
    expect(await values('g', 'ATL')).toEqual([2])
  })

  it('refuses the rest of a replacement whose process has lost the claim, and forgets what it staged', async () => {
    const claim = await writer.claim('h')
    await claim!.write([row('ATL', 1, 1)])
    const interrupted = async function* () {
      yield [row('ATL', 2, 2)]
      await reader.erase('h', [])
      await using other = await reader.claim('h')
      await other!.write([row('ATL', 3, 3)])
      yield [row('ATL', 9, 9)]
    }
    await expect(claim!.replace(interrupted())).rejects.toMatchObject({ code: 'conflict' })
    await claim![Symbol.asyncDispose]()
    expect(await values('h', 'ATL')).toEqual([3])
  })

  it('erases keys also from what is being computed, and drops a whole view', async () => {
    await writer.write('i', [row('ATL', 5, 1), row('LAX', 5, 1)])
    const claim = await writer.claim('i')
    const erased = async function* () {
      yield [row('ATL', 6, 2)]
      await reader.erase('i', ['ATL', 'unknown'])
    }
    await expect(claim!.replace(erased())).rejects.toMatchObject({ code: 'conflict' })
    await claim![Symbol.asyncDispose]()
    expect(await values('i', 'ATL', 'LAX')).toEqual([undefined, 1])
    expect(await reader.stats('i', 9)).toMatchObject({ keys: 1 })
    await writer.drop('i')
    expect(await values('i', 'ATL', 'LAX')).toEqual([undefined, undefined])
    expect(await reader.marks(['i'])).toEqual([[]])
  })

  it('answers as the rule says after any sequence of writes, materialisations and erasures', async () => {
    const rows = fc.array(
      fc.record({
        entityKey: fc.constantFrom('x', 'y', 'z'),
        eventMs: fc.integer({ min: -3, max: 3 }),
        createdMs: fc.nat(3),
        values: fc.tuple(
          fc.oneof(
            fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0),
            fc.string(),
            fc.constant(null),
          ),
        ),
      }),
      { maxLength: 6 },
    )
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), rows }),
      fc.record({ kind: fc.constant('materialise' as const), rows }),
      fc.record({ kind: fc.constant('replace' as const), rows, meanwhile: rows }),
      fc.record({ kind: fc.constant('erase' as const), keys: fc.subarray(['x', 'y', 'z']) }),
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (sequence) => {
        const view = `property ${run++}`
        const model = new NewestRows()
        for (const each of sequence) {
          if (each.kind === 'erase') {
            model.erase(each.keys)
            await writer.erase(view, each.keys)
            continue
          }
          if (each.kind === 'write') {
            model.write(each.rows, true)
            await writer.write(view, each.rows)
            continue
          }
          await using claim = await writer.claim(view)
          if (each.kind === 'materialise') {
            model.write(each.rows, false)
            await claim!.write(each.rows)
          } else {
            const { rows: given, meanwhile } = each
            model.replace(given, meanwhile)
            await claim!.replace(
              (async function* () {
                yield given
                await reader.write(view, meanwhile)
              })(),
            )
          }
        }
        const [found] = await reader.read([{ view, entityKeys: ['x', 'y', 'z'] }])
        expect(found).toEqual(['x', 'y', 'z'].map((key) => model.row(key)))
        expect(await reader.stats(view, 1)).toEqual(model.stats(1))
      }),
      { numRuns: 60 },
    )
  })
})
