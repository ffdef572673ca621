import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasRedisServer, OwnRedis } from '../../../test/online-stores.ts'
import type { OnlineStore, OnlineWrite } from './online.ts'
import { openOnline } from './open.ts'

const row = (entityKey: string, value: number): OnlineWrite => ({
  entityKey,
  values: [value],
  eventMs: 1,
  createdMs: 1,
})

describe.skipIf(!hasRedisServer)('a Redis that is set up in its own way', () => {
  let redis: OwnRedis
  let admin: Redis
  const opened: OnlineStore[] = []
  const open = async (onlineUrl: string): Promise<OnlineStore> => {
    const store = await openOnline({ onlineUrl, dataDir: '' })
    opened.push(store)
    return store
  }
  beforeAll(async () => {
    redis = await OwnRedis.start()
    admin = new Redis(redis.url)
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]()
    for (const setting of ['maxmemory-policy noeviction', 'maxmemory 0', 'requirepass ""'])
      await admin.config('SET', setting.split(' ')[0]!, setting.split(' ')[1]!.replace('""', ''))
  })
  afterAll(async () => {
    admin.disconnect()
    await redis[Symbol.asyncDispose]()
  })

  it('materializes nothing into one that throws keys away when its memory is full', async () => {
    const store = await open(redis.url)
    await admin.config('SET', 'maxmemory', '100mb')
    for (const policy of ['allkeys-lru', 'allkeys-lfu', 'allkeys-random']) {
      await admin.config('SET', 'maxmemory-policy', policy)
      await expect(store.claim('v')).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(`(maxmemory-policy ${policy})`) as string,
      })
    }
    for (const policy of ['noeviction', 'volatile-lru']) {
      await admin.config('SET', 'maxmemory-policy', policy)
      await using claim = await store.claim('v')
      expect(claim).toBeDefined()
    }
  })

  it('refuses rows when the memory is full, says so, and still answers', async () => {
    const store = await open(redis.url)
    await store.write('full', [row('a', 1)])
    await admin.config('SET', 'maxmemory', '1mb')
    const many = Array.from({ length: 200 }, (_, at) => row(`k${at}`, at))
    await expect(store.write('full', many)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('OOM') as string,
    })
    expect(await store.read([{ view: 'full', entityKeys: ['a', 'k1'] }])).toEqual([
      [{ values: [1], eventMs: 1, createdMs: 1 }, undefined],
    ])
    await admin.config('SET', 'maxmemory', '0')
    await store.write('full', many)
    expect((await store.stats('full', 0)).keys).toBe(201)
  })

  it('keeps apart what two stores of different prefixes have in it', async () => {
    const stores = [await open(`${redis.url}?prefix=one:`), await open(`${redis.url}?prefix=two:`)] as const
    await stores[0].write('v', [row('a', 1)])
    await stores[1].write('v', [row('a', 2), row('b', 3)])
    await stores[0].drop('v')
    const read = (store: OnlineStore) => store.read([{ view: 'v', entityKeys: ['a', 'b'] }])
    expect(await read(stores[0])).toEqual([[undefined, undefined]])
    expect((await read(stores[1]))[0]!.map((each) => each?.values)).toEqual([[2], [3]])
    expect(await stores[0].stats('v', 0)).toMatchObject({ keys: 0 })
  })

  it('asks for a password, and says when it is wrong', async () => {
    await admin.config('SET', 'requirepass', 'open sesame')
    const wrong = await open(redis.url.replace('//', '//:guess@'))
    await expect(wrong.read([{ view: 'v', entityKeys: ['a'] }])).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/WRONGPASS|NOAUTH/) as string,
    })
    const right = await open(redis.url.replace('//', '//:open%20sesame@'))
    await right.write('locked', [row('a', 1)])
    expect((await right.stats('locked', 0)).keys).toBe(1)
  })

  it('is not trusted by TLS when nobody vouches for its certificate, and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-tls-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]
    execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
    await using server = await OwnRedis.start({ key, certificate })
    try {
      const { url } = server
      const store = await open(url)
      await expect(store.read([{ view: 'v', entityKeys: ['a'] }])).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('self-signed certificate') as string,
      })
      const script = `
        import { openOnline } from '${new URL('./open.ts', import.meta.url).href}'
        await using store = await openOnline({ onlineUrl: '${url}', dataDir: '' })
        await store.write('v', [{ entityKey: 'a', values: [1], eventMs: 1, createdMs: 1 }])
        console.log((await store.stats('v', 0)).keys)`
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate }
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env })
      expect(said.toString().trim()).toBe('1')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
