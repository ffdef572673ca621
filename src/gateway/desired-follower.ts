import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Context } from '../http/context.ts'
import type { DesiredState } from '../serving/schema.ts'
import { findDesiredState, latestGeneration, listCandidateLeases, upsertGateway } from '../serving/serving.ts'
import type { ServingEngine } from '../serving/serving-engine.ts'

const HEARTBEAT_MS = 5000
const POLL_MS = 1000

type FollowerContext = Pick<Context, 'config' | 'db' | 'log'>

/**
 * Follows the desired state: looks whenever the database changes, loads a new generation, keeps a copy on disk for a start
 * without the database, confirms candidates' leases, and tells which generation this gateway serves.
 */
export class DesiredFollower implements AsyncDisposable {
  readonly #context: FollowerContext
  readonly #engine: ServingEngine
  readonly #path: string
  readonly #url: () => string
  readonly #startedMs = Date.now()
  #listening: Disposable | undefined
  #timers: NodeJS.Timeout[] = []
  #looking: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(context: FollowerContext, engine: ServingEngine, url: () => string) {
    this.#context = context
    this.#engine = engine
    this.#url = url
    const { dataDir, gatewayId } = context.config
    this.#path = join(dataDir, 'gateway', gatewayId, 'desired.json')
  }

  /** Resolves when the newest generation that can be had is loaded. */
  async start(): Promise<void> {
    try {
      await this.#look()
    } catch (error) {
      this.#context.log.warn({ err: error }, 'The database is away; serving what was last known')
      const kept = readKept(this.#path)
      if (kept !== undefined) await this.#engine.apply(kept)
    }
    this.#listening = this.#context.db.onChange(() => this.#changed())
    this.#timers = [
      setInterval(() => this.#changed(), POLL_MS),
      setInterval(() => this.#beat(), HEARTBEAT_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  #changed(): void {
    if (this.#looking !== undefined) {
      this.#again = true
      return
    }
    this.#looking = this.#look()
      .catch((error: unknown) =>
        this.#context.log.warn({ err: error }, 'The desired state could not be read'),
      )
      .finally(() => {
        this.#looking = undefined
        if (!this.#again || this.#stopped) return
        this.#again = false
        this.#changed()
      })
  }

  async #look(): Promise<void> {
    const { db } = this.#context
    const leases = await listCandidateLeases(db.read)
    if (leases.length > 0) {
      const now = await db.wallTime()
      for (const lease of leases) this.#engine.confirmLease(lease.rollout_id, lease.until_ms - now)
    }
    if ((await latestGeneration(db.read)) <= this.#engine.generation) return
    const desired = await findDesiredState(db.read)
    if (desired === undefined) return
    await this.#engine.apply(desired)
    keep(this.#path, desired)
    await this.announce()
  }

  #beat(): void {
    void this.announce().catch((error: unknown) => this.#context.log.warn({ err: error }, 'No heartbeat'))
  }

  /** Writes which generation this gateway serves, and what it could not load. */
  async announce(): Promise<void> {
    const { db, config } = this.#context
    const row = {
      gateway_id: config.gatewayId,
      project_id: '*',
      url: this.#url(),
      generation: this.#engine.generation,
      problems_json: JSON.stringify(this.#engine.problems),
      started_ms: this.#startedMs,
    }
    await db.write(async (trx) => {
      const now = await db.wallTime(trx)
      await upsertGateway(trx, { ...row, heartbeat_ms: now, created_ms: now })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#listening?.[Symbol.dispose]()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#looking
  }
}

function readKept(path: string): DesiredState | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DesiredState
  } catch {
    return undefined
  }
}

function keep(path: string, desired: DesiredState): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.tmp`, JSON.stringify(desired))
  renameSync(`${path}.tmp`, path)
}
