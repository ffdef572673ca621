import type { Context } from '../http/context.ts'
import type { DomainEvent, EventCatalogue, EventKind } from '../kernel/events.ts'
import type { Db, Trx } from '../ports/db/db.ts'
import { wallTime } from '../ports/db/dialect.ts'
import {
  insertEvent,
  isBefore,
  listCursors,
  listEventsAfter,
  lockCursor,
  positionOf,
  START,
  updateCursor,
  type EventPosition,
} from './store.ts'
import type { EventRow } from './tables.ts'

export {
  countEventsAfter,
  findWallTimeAt,
  lastEventPosition,
  listCursors,
  listEventsAfter,
  positionOf,
  START,
  type EventPosition,
} from './store.ts'

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

/** Events are read in pieces of this many. */
export const EVENTS_AT_ONCE = 200

/** Lets a consumer handle what is new, after `from` or its cursor. Returns how many events its cursor passed. */
export async function consume(
  context: Context,
  consumer: Consumer,
  from: EventPosition = START,
): Promise<number> {
  const { db } = context
  const cursor = (await listCursors(db.read)).get(consumer.name) ?? START
  const after = isBefore(cursor, from) ? from : cursor
  const waiting = await listEventsAfter(db.read, db.dialect, { after, limit: EVENTS_AT_ONCE })
  const last = waiting.at(-1)
  if (!last) return 0
  const kinds = (await consumer.narrow?.(context)) ?? new Set(consumer.kinds)
  const wanted = waiting.filter((row) => kinds.has(row.kind as EventKind))
  for (const row of wanted) await handleOne(context, consumer, row)
  if (wanted.at(-1) !== last) await moveCursors(db, [[consumer.name, positionOf(last)]])
  return waiting.length
}

async function handleOne(context: Context, consumer: Consumer, row: EventRow): Promise<void> {
  await context.db.write(async (trx) => {
    // Another process may have handled it since the events were read.
    const cursor = await lockCursor(trx, { name: consumer.name, nowMs: await wallTime(trx) })
    if (!isBefore(cursor, positionOf(row))) return
    await consumer.handle(context, trx, toEvent(row))
    await updateCursor(trx, consumer.name, positionOf(row))
  })
}

/** Passes events of no interest, without a transaction for each, and without a notice: nobody waits for a cursor. */
export async function moveCursors(
  db: Db,
  cursors: readonly (readonly [name: string, position: EventPosition])[],
): Promise<void> {
  const move = async (trx: Trx): Promise<void> => {
    const nowMs = await wallTime(trx)
    for (const [name, position] of cursors)
      if (isBefore(await lockCursor(trx, { name, nowMs }), position)) await updateCursor(trx, name, position)
  }
  await db.write(move, { tells: () => false })
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
