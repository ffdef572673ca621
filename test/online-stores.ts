import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe } from 'vitest'
import type { OnlineStore } from '../src/ports/online/online.ts'
import { openOnline } from '../src/ports/online/open.ts'

/** Whether a test may start and kill a Redis of its own. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0

/** The files, in PEM, by which a Redis speaks TLS; the certificate is for `localhost`. */
export interface TlsFiles {
  key: string
  certificate: string
}

/** A `redis-server` of a test's own, on a free port, that keeps nothing on disk. */
export class OwnRedis implements AsyncDisposable {
  readonly url: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemill-redis-'))
  readonly #port: number
  readonly #tls: TlsFiles | undefined
  #child: ChildProcess | undefined

  private constructor(port: number, tls: TlsFiles | undefined) {
    this.#port = port
    this.#tls = tls
    this.url = tls ? `rediss://localhost:${port}/0` : `redis://127.0.0.1:${port}/0`
  }

  /** Answers once the server does; with `tls` it speaks nothing else. */
  static async start(tls?: TlsFiles): Promise<OwnRedis> {
    const own = new OwnRedis(await freePort(), tls)
    await own.start()
    return own
  }

  async start(): Promise<void> {
    const options = ['--save', '', '--appendonly', 'no', '--dir', this.#folder]
    if (this.#tls) {
      const { key, certificate } = this.#tls
      options.push('--port', '0', '--tls-port', String(this.#port), '--tls-auth-clients', 'no')
      options.push('--tls-key-file', key, '--tls-cert-file', certificate, '--tls-ca-cert-file', certificate)
    } else options.push('--port', String(this.#port), '--bind', '127.0.0.1')
    this.#child = spawn('redis-server', options, { stdio: 'ignore' })
    const probe = new Redis(this.url, {
      retryStrategy: () => 20,
      maxRetriesPerRequest: 500,
      ...(this.#tls && { tls: { ca: readFileSync(this.#tls.certificate) } }),
    })
    probe.on('error', () => {})
    try {
      await probe.ping()
    } finally {
      probe.disconnect()
    }
  }

  /** With SIGKILL everything it has is lost; SIGSTOP and SIGCONT make it stand still and go on. */
  async signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#child!
    const ended = name === 'SIGKILL' ? once(child, 'exit') : undefined
    child.kill(name)
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await this.signal('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await pause(0)
  return port
}

/** Opens the one store of a suite, as another process would. */
export type OpenOnline = () => Promise<OnlineStore>

/** Runs a suite on SQLite and on Redis; visibly skipped on Redis where there is none. */
export function describeOnlineStores(
  name: string,
  suite: (open: OpenOnline, place: () => { onlineUrl: string; dataDir: string }) => void,
): void {
  const run = (start: () => Promise<{ url: string; stop(): Promise<void> }>): void => {
    const opened: OnlineStore[] = []
    const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-online-'))
    let server: Awaited<ReturnType<typeof start>>
    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      for (const store of opened) await store[Symbol.asyncDispose]()
      await server.stop()
      rmSync(dataDir, { recursive: true })
    })
    suite(
      async () => {
        const store = await openOnline({ onlineUrl: server.url, dataDir })
        opened.push(store)
        return store
      },
      () => ({ onlineUrl: server.url, dataDir }),
    )
  }
  describe(`${name} (sqlite)`, () => run(async () => ({ url: 'sqlite', stop: async () => {} })))
  describe.skipIf(!hasRedisServer && process.env['REDIS_URL'] === undefined)(`${name} (redis)`, () =>
    run(startRedis),
  )
}

/** A Redis for one suite: keys of its own on that of REDIS_URL, or a server of its own. */
async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const shared = process.env['REDIS_URL']
  if (shared === undefined) {
    const own = await OwnRedis.start()
    return { url: own.url, stop: async () => await own[Symbol.asyncDispose]() }
  }
  const prefix = `test:${process.pid}:${Math.random().toString(36).slice(2, 10)}:`
  return { url: `${shared}?prefix=${prefix}`, stop: () => deleteKeys(shared, prefix) }
}

async function deleteKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url)
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 500 })) {
      if ((keys as string[]).length > 0) await redis.unlink(...(keys as string[]))
    }
  } finally {
    redis.disconnect()
  }
}
