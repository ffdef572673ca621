import type { Context } from '../http/context.ts'
import type { DomainEvent, EventCatalogue, EventKind } from '../kernel/events.ts'
import type { Db, Trx } from '../ports/db/db.ts'
import { wallTime } from '../ports/db/dialect.ts'
import { getCursor, insertEvent, listEventsAfter, lockCursor, updateCursor } from './store.ts'
import type { EventRow } from './tables.ts'

export { findWallTimeAt, getCursor, lastEventSeq, listEventsAfter } from './store.ts'

/** Writes an event in the transaction of the change that it tells of. `atMs` is domain time. */
export async function appendEvent<Kind extends EventKind>(
  trx: Trx,
  event: { projectId: string; kind: Kind; payload: EventCatalogue[Kind]; atMs: number },
): Promise<void> {
  await insertEvent(trx, {
    project_id: event.projectId,
    kind: event.kind,
    payload_json: JSON.stringify(event.payload),
    at_ms: event.atMs,
    created_ms: Date.now(),
  })
}

/** Something that follows events: each once, in order, its effects in the transaction that moves its cursor. */
export interface Consumer {
  name: string
  kinds: readonly EventKind[]
  /** The kinds that are wanted just now, so that others cost no transaction. Asked when the events have been read already. */
  narrow?(context: Context): Promise<ReadonlySet<EventKind>>
  /** Await nothing but SQL; heavy work is enqueued as a job. */
  handle(context: Context, trx: Trx, event: DomainEvent): Promise<void>
}

const BATCH = 200

/** Lets a consumer handle what is new. Returns how many events its cursor passed. */
export async function consume(context: Context, consumer: Consumer): Promise<number> {
  const { db } = context
  const after = await getCursor(db.read, consumer.name)
  const waiting = await listEventsAfter(db.read, db.dialect, { after, limit: BATCH })
  const last = waiting.at(-1)
  if (!last) return 0
  const kinds = (await consumer.narrow?.(context)) ?? new Set(consumer.kinds)
  const wanted = waiting.filter((row) => kinds.has(row.kind as EventKind))
  for (const row of wanted) await handleOne(context, consumer, row)
  await moveCursor(db, consumer.name, last.seq)
  return waiting.length
}

async function handleOne(context: Context, consumer: Consumer, row: EventRow): Promise<void> {
  await context.db.write(async (trx) => {
    // Another process may have handled it since the events were read.
    if ((await lockCursor(trx, { name: consumer.name, nowMs: await wallTime(trx) })) >= row.seq) return
    await consumer.handle(context, trx, toEvent(row))
    await updateCursor(trx, { name: consumer.name, seq: row.seq })
  })
}

/** Events of no interest are passed without a transaction for each. */
async function moveCursor(db: Db, name: string, seq: number): Promise<void> {
  await db.write(async (trx) => {
    if ((await lockCursor(trx, { name, nowMs: await wallTime(trx) })) >= seq) return
    await updateCursor(trx, { name, seq })
  })
}

export function toEvent(row: EventRow): DomainEvent {
  return {
    seq: row.seq,
    projectId: row.project_id,
    kind: row.kind as EventKind,
    payload: JSON.parse(row.payload_json) as EventCatalogue[EventKind],
    atMs: row.at_ms,
  }
}
