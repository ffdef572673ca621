import { randomUUID } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { checkRows, LEASE_MS, lostClaim, openClaim, type ClaimSteps } from './claim.ts'
import type { OnlineRow, OnlineStats, OnlineStore, OnlineWrite } from './online.ts'
import { defineScripts, type OnlineScripts } from './redis-scripts.ts'

const PIECE_ROWS = 200

/** A request waits this long for its features at most; then it is answered without. */
const READ_TIMEOUT_MS = 500
const WRITE_TIMEOUT_MS = 10_000
const CONNECT_MS = 2_000

export interface RedisAddress {
  /** Host, port, database, user and password, as `redis://user:password@host:6379/0`. */
  url: string
  /** Before the name of every key. */
  prefix: string
}

/**
 * The online store of several machines. Nothing is queued while Redis is away: calls fail at once, and work again when
 * it is back. Writes have a connection of their own, so that no request waits behind them.
 */
export async function openOnlineRedis({ url, prefix }: RedisAddress): Promise<OnlineStore> {
  const reader = new Connection(url, options(READ_TIMEOUT_MS))
  const writer = new Connection(url, options(WRITE_TIMEOUT_MS))
  const readHashes = hashReader(reader)
  const scripts = defineScripts(writer)
  await Promise.all([reader.becomeReady(), writer.becomeReady()])
  // The braces keep the keys of a view together.
  const baseOf = (view: string): string => `${prefix}{${view}}`
  const steps = claimSteps(writer, scripts, baseOf)
  const inPieces = async <Item>(
    items: readonly Item[],
    work: (piece: readonly Item[]) => Promise<unknown>,
  ): Promise<void> => {
    for (let start = 0; start === 0 || start < items.length; start += PIECE_ROWS) {
      await writer.answered(work(items.slice(start, start + PIECE_ROWS)))
    }
  }
  return {
    read: (reads) => {
      const asked = reads.map(({ view, entityKeys }) => ({
        key: `${baseOf(view)}:rows`,
        fields: entityKeys.filter((key) => key !== undefined),
      }))
      return reader
        .answered(readHashes(asked))
        .then((found) => reads.map(({ entityKeys }, index) => rowsOf(entityKeys, found[index]!)))
    },
    async write(view, rows) {
      checkRows(rows)
      await inPieces(rows, (piece) => scripts.onlinePush(baseOf(view), ...argumentsOf(piece)))
    },
    claim: (view) => openClaim(steps, view),
    async marks(views) {
      const asked = views.map((view) => ({ key: `${baseOf(view)}:state`, fields: ['mark', 'mark_before'] }))
      return (await reader.answered(readHashes(asked))).map(present)
    },
    erase: (view, entityKeys) => inPieces(entityKeys, (piece) => scripts.onlineErase(baseOf(view), ...piece)),
    drop: async (view) => void (await writer.answered(scripts.onlineDrop(baseOf(view)))),
    stats: (view, beforeMs) => reader.answered(statsOf(reader, `${baseOf(view)}:times`, beforeMs)),
    async [Symbol.asyncDispose]() {
      reader.disconnect()
      writer.disconnect()
    },
  }
}

function options(timeoutMs: number) {
  return {
    // A server that stands still is left: what waits for it fails, and all that follows fails at once until a connection answers again.
    socketTimeout: timeoutMs,
    connectTimeout: CONNECT_MS,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } as const satisfies RedisOptions
}

class Connection extends Redis {
  /** Why there is no connection, as far as that was said. */
  #problem: string | undefined

  constructor(url: string, settings: ReturnType<typeof options>) {
    super(url, settings)
    this.on('error', (error) => (this.#problem = messageOf(error)))
    this.on('ready', () => (this.#problem = undefined))
  }

  /** Or not, when Redis is away at the start: it is tried again and again. */
  async becomeReady(): Promise<void> {
    if (this.status === 'ready') return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CONNECT_MS)
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.once('ready', done)
      this.once('close', done)
    })
  }

  async answered<Result>(reply: Promise<Result>): Promise<Result> {
    try {
      return await reply
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new AppError(
        'unavailable',
        `The online store (Redis) does not answer: ${this.#reasonOf(error)}`,
        {
          cause: error,
        },
      )
    }
  }

  /** In words of ours, where those of the client speak of its options. */
  #reasonOf(error: unknown): string {
    const text = messageOf(error)
    if (!/isn't writeable|Connection is closed|Socket timeout/.test(text)) return text
    return this.#problem === undefined
      ? 'there is no connection to it'
      : `there is no connection to it: ${this.#problem}`
  }
}

interface HashRead {
  key: string
  fields: readonly string[]
}

/** Reads fields of hashes; what is asked in one turn of the event loop, for several requests too, travels together. */
function hashReader(redis: Redis): (reads: readonly HashRead[]) => Promise<(string | null)[][]> {
  let waiting: HashRead[] = []
  let reply: Promise<[error: Error | null, found: unknown][]> | undefined
  const send = (): Promise<[error: Error | null, found: unknown][]> => {
    const pipeline = redis.pipeline()
    for (const { key, fields } of waiting) pipeline.hmget(key, ...fields)
    waiting = []
    reply = undefined
    return pipeline.exec().then((found) => found!)
  }
  return async (reads) => {
    const asked = reads.filter(({ fields }) => fields.length > 0)
    if (asked.length === 0) return reads.map(() => [])
    const start = waiting.length
    waiting.push(...asked)
    reply ??= new Promise((resolve, reject) => {
      setImmediate(() => void send().then(resolve, reject))
    })
    const replies = await reply
    let next = start
    return reads.map(({ fields }) => {
      if (fields.length === 0) return []
      const [error, found] = replies[next++]!
      if (error) throw error
      return found as (string | null)[]
    })
  }
}

function rowsOf(
  entityKeys: readonly (string | undefined)[],
  found: readonly (string | null)[],
): (OnlineRow | undefined)[] {
  let next = 0
  return entityKeys.map((key) => {
    const text = key === undefined ? null : found[next++]!
    return text === null ? undefined : toRow(text)
  })
}

function toRow(text: string): OnlineRow {
  const event = text.indexOf(' ')
  const created = text.indexOf(' ', event + 1)
  return {
    eventMs: Number(text.slice(0, event)),
    createdMs: Number(text.slice(event + 1, created)),
    values: JSON.parse(text.slice(created + 1)) as OnlineRow['values'],
  }
}

function argumentsOf(rows: readonly OnlineWrite[]): (string | number)[] {
  return rows.flatMap(({ entityKey, eventMs, createdMs, values }) => [
    entityKey,
    eventMs,
    createdMs,
    JSON.stringify(values),
  ])
}

async function statsOf(redis: Redis, times: string, beforeMs: number): Promise<OnlineStats> {
  const replies = await redis
    .pipeline()
    .zcard(times)
    .zrevrange(times, 0, 0, 'WITHSCORES')
    .zcount(times, '-inf', `(${beforeMs}`)
    .exec()
  const [keys, newest, older] = replies!.map(([error, reply]) => {
    if (error) throw error
    return reply
  }) as [number, string[], number]
  return { keys, newestMs: newest.length === 0 ? null : Number(newest[1]), older }
}

function present(values: readonly (string | null | undefined)[]): string[] {
  return values.filter((value) => typeof value === 'string')
}

function claimSteps(redis: Connection, scripts: OnlineScripts, baseOf: (view: string) => string): ClaimSteps {
  const asHolder = async (view: string, reply: Promise<unknown>): Promise<void> => {
    await redis.answered(
      reply.catch((error: unknown) => {
        throw messageOf(error).startsWith('LOST') ? lostClaim(view) : error
      }),
    )
  }
  return {
    pieceRows: PIECE_ROWS,
    async take(view, holder) {
      await redis.answered(requireNoEviction(redis))
      const marks = await redis.answered(scripts.onlineTake(baseOf(view), holder, LEASE_MS))
      return marks === null ? undefined : present(marks as (string | null)[])
    },
    extend: (view, holder) => asHolder(view, scripts.onlineExtend(baseOf(view), holder, LEASE_MS)),
    write: (view, holder, rows) =>
      asHolder(view, scripts.onlineWrite(baseOf(view), holder, '', ...argumentsOf(rows))),
    async stage(view, holder) {
      const stage = randomUUID()
      await asHolder(view, scripts.onlineStage(baseOf(view), holder, stage))
      return stage
    },
    writeStaged: (view, holder, stage, rows) =>
      asHolder(view, scripts.onlineWrite(baseOf(view), holder, stage, ...argumentsOf(rows))),
    async carry(view, holder, stage, after) {
      const pushed = redis.sscan(`${baseOf(view)}:pushed`, after ?? '0', 'COUNT', PIECE_ROWS)
      const [next, keys] = await redis.answered(pushed)
      if (keys.length > 0) await asHolder(view, scripts.onlineCarry(baseOf(view), holder, stage, ...keys))
      return next === '0' ? null : next
    },
    swap: (view, holder, stage) => asHolder(view, scripts.onlineSwap(baseOf(view), holder, stage)),
    finish: (view, holder, mark) => asHolder(view, scripts.onlineFinish(baseOf(view), holder, mark)),
    release: async (view, holder) => void (await redis.answered(scripts.onlineRelease(baseOf(view), holder))),
  }
}

/** A key that Redis throws away looks as if it never was. Keys here have no time to live, so that `volatile-…` spares them. */
async function requireNoEviction(redis: Redis): Promise<void> {
  const memory = await redis.info('memory')
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(memory)?.[1]
  const policy = field('maxmemory_policy') ?? ''
  if (field('maxmemory') === '0' || !policy.startsWith('allkeys-')) return
  throw new AppError(
    'unavailable',
    `The online store (Redis) throws keys away when its memory is full (maxmemory-policy ${policy}), and their values would be missing as if they had never been: set maxmemory-policy noeviction`,
  )
}
