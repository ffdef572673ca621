import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { s3, sourceDefinition } from './definition.ts'
import type { KnownItem, SourceItem } from './item.ts'
import { probeSource, type ProbeInput } from './probe.ts'
import { S3StandIn } from './s3-stand-in.ts'

const STOCKS = readFileSync(join(import.meta.dirname, '../../node_modules/vega-datasets/data/stocks.csv'))

let folder: string
let store: S3StandIn
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-s3-'))
  store = await S3StandIn.open()
  process.env['AWS_ACCESS_KEY_ID'] = 'key'
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret'
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await store[Symbol.asyncDispose]()
  delete process.env['AWS_ACCESS_KEY_ID']
  delete process.env['AWS_SECRET_ACCESS_KEY']
})

async function probe(
  known: readonly SourceItem[] = [],
  input: Partial<ProbeInput> = {},
  bucket = 'mill',
  options: { maxBytesAtOnce?: number } = {},
) {
  const source = s3({
    bucket,
    prefix: 'feed/',
    endpoint: store.endpoint,
    forcePathStyle: true,
    maxBytes: 20_000,
    ...options,
  })
  const { items, more } = await probeSource(source, {
    directory: folder,
    folder,
    known: known.map(({ path, sha256, seen }): KnownItem => ({ path, sha256, seen: seen!, seenAtMs: 0 })),
    cursor: null,
    allowPrivate: true,
    history: async () => [],
    columns: [],
    treatments: { columns: new Map() },
    openSession: () => Promise.reject(new Error('it needs no session')),
    signal: new AbortController().signal,
    ...input,
  })
  return Object.assign(items, { more })
}

it('fetches the objects under a prefix, and later only those that changed', async () => {
  store.objects.set('feed/1.csv', STOCKS)
  store.objects.set('feed/2024/2.csv', Buffer.from('symbol\nA\n'))
  store.objects.set('feed/2024/3.json', Buffer.from('[{"symbol":"B"}]'))
  for (const key of ['feed/', 'feed/.hidden/x.csv', 'feed/4.csv.tmp', 'other/5.csv'])
    store.objects.set(key, Buffer.from('x\n'))
  const first = await probe()
  expect(first.map(({ path, reading }) => [path, reading.format])).toEqual([
    ['s3://mill/feed/1.csv', 'csv'],
    ['s3://mill/feed/2024/2.csv', 'csv'],
    ['s3://mill/feed/2024/3.json', 'json'],
  ])
  expect(await first[0]!.use(async (path) => readFileSync(path))).toEqual(STOCKS)
  store.fetched.length = 0
  store.objects.set('feed/2024/2.csv', Buffer.from('symbol\nC\n'))
  const second = await probe(first)
  expect(store.fetched).toEqual(['feed/2024/2.csv'])
  expect(second.map(({ changed }) => changed)).toEqual([false, true, false])
  expect(second[0]!.sha256).toBe(first[0]!.sha256)
  expect(await second[0]!.use(async (path) => readFileSync(path))).toEqual(STOCKS)
  store.objects.set('feed/1.csv', Buffer.from('symbol\nD\n'))
  await expect(second[0]!.use(async () => undefined)).rejects.toThrow(
    's3://mill/feed/1.csv changed while it was being read',
  )
})

it('fetches so much at once, one object at least, and leaves the others as they were', async () => {
  const rows = (letter: string): Buffer => Buffer.from(`symbol\n${`${letter}\n`.repeat(500)}`)
  for (const key of [1, 2, 3, 4, 5]) store.objects.set(`feed/${key}.csv`, rows('A'))
  const look = (known: readonly SourceItem[], maxBytesAtOnce: number) =>
    probe(known, {}, 'mill', { maxBytesAtOnce })
  const first = await look([], 2_500)
  expect([store.fetched.splice(0), first.length, first.more]).toEqual([['feed/1.csv', 'feed/2.csv'], 2, true])
  const second = await look(first, 10)
  expect([store.fetched.splice(0), second.length, second.more]).toEqual([['feed/3.csv'], 3, true])
  const third = await look(second, 5_000)
  expect([store.fetched.splice(0), third.length, third.more]).toEqual([
    ['feed/4.csv', 'feed/5.csv'],
    5,
    false,
  ])
  for (const key of [1, 2, 3]) store.objects.set(`feed/${key}.csv`, rows('B'))
  const fourth = await look(third, 1_500)
  expect([store.fetched.splice(0), fourth.length, fourth.more]).toEqual([['feed/1.csv'], 5, true])
  expect(fourth[0]!.sha256).not.toBe(third[0]!.sha256)
  // What is not fetched yet stays what it was, and is looked at again.
  expect(fourth.slice(1).map(({ sha256 }) => sha256)).toEqual(third.slice(1).map(({ sha256 }) => sha256))
  await expect(fourth[1]!.use(async () => undefined)).rejects.toThrow('it is fetched by the next look')
  const fifth = await look(fourth, 5_000)
  expect([store.fetched, fifth.more]).toEqual([['feed/2.csv', 'feed/3.csv'], false])
})

it('refuses what is cut off or too large, and says what is wrong with the store', async () => {
  store.objects.set('feed/1.csv', STOCKS.subarray(0, 10_000))
  store.cutAfter = 4_000
  await expect(probe()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('feed/1.csv'),
  })
  store.cutAfter = undefined
  store.objects.set('feed/2.csv', Buffer.alloc(20_001))
  await expect(probe()).rejects.toThrow('s3://mill/feed/2.csv is larger than 20000 bytes')
  await expect(probe([], {}, 'nothing')).rejects.toThrow("s3://nothing/feed/ can't be listed: NoSuchBucket")
  store.denies = true
  await expect(probe()).rejects.toThrow('InvalidAccessKeyId (are the credentials right?)')
})

it('refuses a private endpoint unless it is allowed', async () => {
  await expect(probe([], { allowPrivate: false })).rejects.toThrow('127.0.0.1 is no public address')
})

it('keeps what it has when nothing lies under the prefix any more', async () => {
  store.objects.set('feed/1.csv', STOCKS)
  const first = await probe()
  store.objects.clear()
  await expect(probe(first)).rejects.toThrow('no object lies under s3://mill/feed/ any more')
})

it('refuses an address that is none, or that holds a password, when the source is declared', () => {
  for (const endpoint of ['', 'not an address', 'ftp://store', 'http://user:secret@store'])
    expect(datasetWith(endpoint).success).toBe(false)
  expect(datasetWith('https://store.example').success).toBe(true)
})

function datasetWith(endpoint: string) {
  const declared = s3({ bucket: 'mill', prefix: 'feed/' })
  return sourceDefinition.safeParse({ ...declared, endpoint })
}
