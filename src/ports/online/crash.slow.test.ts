import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { describeOnlineStores } from '../../../test/online-stores.ts'
import type { OnlineClaim, OnlineStore } from './online.ts'

const WRITER = fileURLToPath(new URL('../../../test/online-writer.ts', import.meta.url))
const KEYS = 3_000
const KILLS = 4

describeOnlineStores('an online store whose writers die or stand still', (open, place) => {
  const children: ChildProcess[] = []
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))
  const start = (view: string, way: string, generation: number): ChildProcess => {
    const { onlineUrl, dataDir } = place()
    const child = fork(WRITER, [onlineUrl, dataDir, view, way, String(generation), String(KEYS)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    children.push(child)
    return child
  }
  /** Resolves to how it ended, or after its piece at `key`. */
  const until = (child: ChildProcess, key = Infinity): Promise<string | number> =>
    new Promise((resolve, reject) => {
      child.on('message', (message) => {
        if (typeof message === 'string' || (message as number) >= key) resolve(message as string | number)
      })
      child.once('exit', (code) => reject(new Error(`The writer ended with ${code}`)))
    })
  const run = async (view: string, way: string, generation: number): Promise<string | number> =>
    await until(start(view, way, generation))
  const killAt = async (child: ChildProcess, key: number): Promise<void> => {
    await until(child, key)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  /** How many keys have a row of each generation. Fails for a row that is of two. */
  const generations = async (store: OnlineStore, view: string): Promise<Record<string, number>> => {
    const entityKeys = Array.from({ length: KEYS }, (_, key) => `k${key}`)
    const [rows] = await store.read([{ view, entityKeys }])
    const counts: Record<string, number> = {}
    for (const row of rows!) {
      expect(row!.values[0]).toBe(row!.values[1])
      counts[row!.values[0]!] = (counts[row!.values[0]!] ?? 0) + 1
    }
    return counts
  }
  const takeOver = async (store: OnlineStore, view: string): Promise<OnlineClaim> => {
    for (let tries = 0; tries < 300; tries++) {
      const claim = await store.claim(view)
      if (claim) return claim
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('The lease does not run out')
  }

  it('shows all of the old or all of the new rows, wherever a replacement is killed', async () => {
    const store = await open()
    expect(await run('replaced', 'replace', 1)).toBe('done')
    for (let kill = 0; kill < KILLS; kill++) {
      const before = (await store.marks(['replaced']))[0]!
      await killAt(start('replaced', 'replace', kill + 2), Math.floor((KEYS * kill) / (KILLS - 1)) - 250)
      const found = await generations(store, 'replaced')
      expect(Object.values(found)).toEqual([KEYS])
      const marks = (await store.marks(['replaced']))[0]!
      if (marks[0] !== before[0]) expect(Object.keys(found)).toEqual([String(kill + 2)])
      // What the dead one holds ends with its lease; an erasure takes it away at once.
      await store.erase('replaced', [])
    }
    expect(await run('replaced', 'replace', 99)).toBe('done')
    expect(await generations(store, 'replaced')).toEqual({ 99: KEYS })
  }, 60_000)

  it('has for each key its old or its new row when writing is killed, and all new ones after another try', async () => {
    const store = await open()
    expect(await run('written', 'replace', 1)).toBe('done')
    await killAt(start('written', 'write', 2), KEYS / 2)
    const found = await generations(store, 'written')
    expect(found['2']).toBeGreaterThanOrEqual(KEYS / 2)
    expect((found['1'] ?? 0) + found['2']!).toBe(KEYS)
    expect(await run('written', 'write', 2)).toBe('held')
    await (await takeOver(store, 'written'))[Symbol.asyncDispose]()
    expect(await run('written', 'write', 2)).toBe('done')
    expect(await generations(store, 'written')).toEqual({ 2: KEYS })
  }, 60_000)

  it('refuses what a writer that stood still would still write over newer rows', async () => {
    const store = await open()
    expect(await run('stopped', 'replace', 1)).toBe('done')
    const replacing = start('stopped', 'replace', 2)
    const ended = until(replacing)
    await until(replacing, KEYS / 2)
    replacing.kill('SIGSTOP')
    const claim = await takeOver(store, 'stopped')
    await claim[Symbol.asyncDispose]()
    expect(await run('stopped', 'replace', 3)).toBe('done')
    replacing.kill('SIGCONT')
    expect(await ended).toBe('conflict')
    expect(await generations(store, 'stopped')).toEqual({ 3: KEYS })
    expect(await store.marks(['stopped'])).toEqual([['3', '1']])
  }, 60_000)

  it('keeps the newest row of each key when three processes push at the same time', async () => {
    const store = await open()
    expect(await Promise.all([0, 1, 2].map((generation) => run('pushed', 'push', generation)))).toEqual([
      'done',
      'done',
      'done',
    ])
    const entityKeys = Array.from({ length: KEYS }, (_, key) => `k${key}`)
    const [rows] = await store.read([{ view: 'pushed', entityKeys }])
    expect(rows!.every((row, key) => row!.eventMs === 2000 && (key + Number(row!.values[0])) % 3 === 2)).toBe(
      true,
    )
    expect(await store.stats('pushed', 2000)).toEqual({ keys: KEYS, newestMs: 2000, older: 0 })
  }, 60_000)
})
