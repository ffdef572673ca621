import type { Context } from '../http/context.ts'
import {
  lastEventPosition,
  listEventsAfter,
  positionOf,
  toEvent,
  type EventPosition,
} from '../jobs/events.ts'

const KEEP_ALIVE_MS = 15_000
const BATCH = 500
/** A reader that lets so many messages wait is let go; it comes back with the id of the last that it has read. */
const MOST_WAITING = 5_000

/** Events as server-sent events, from `Last-Event-ID` or from now on, as long as who listens may: `holds` is asked again and again. */
export async function streamEvents(
  { db, log }: Pick<Context, 'db' | 'log'>,
  request: Request,
  { projectId, holds, ended }: { projectId: string; holds: () => Promise<unknown>; ended: () => void },
): Promise<Response> {
  let after = resumedAt(request) ?? (await lastEventPosition(db.read, db.dialect))
  const encoder = new TextEncoder()
  let stop = (): void => {}
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      let busy = false
      const send = async (): Promise<void> => {
        if (busy) return
        if (-(controller.desiredSize ?? 0) > MOST_WAITING) return end(controller, () => stop())
        busy = true
        try {
          const rows = await listEventsAfter(db.read, db.dialect, { after, limit: BATCH })
          for (const row of rows) {
            after = positionOf(row)
            if (row.project_id !== projectId && row.project_id !== '*') continue
            const event = toEvent(row)
            controller.enqueue(
              encoder.encode(
                `id: ${after.transaction}.${after.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`,
              ),
            )
          }
        } catch (error) {
          log.debug({ err: error }, 'event stream')
        } finally {
          busy = false
        }
      }
      controller.enqueue(encoder.encode(`retry: 1000\n\n`))
      const subscription = db.onChange(() => void send())
      const poll = setInterval(() => void send(), 500)
      const keepAlive = setInterval(() => {
        holds()
          .then(() => controller.enqueue(encoder.encode(': \n\n')))
          .catch(() => end(controller, () => stop()))
      }, KEEP_ALIVE_MS)
      stop = () => {
        stop = () => undefined
        ended()
        clearInterval(poll)
        clearInterval(keepAlive)
        subscription[Symbol.dispose]()
      }
      request.signal.addEventListener('abort', () => stop())
    },
    cancel: () => stop(),
  })
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}

/** The stream may have ended already, with its reader. */
function end(controller: ReadableStreamDefaultController, stop: () => void): void {
  stop()
  try {
    controller.close()
  } catch {
    // Nothing is open any more.
  }
}

/** `Last-Event-ID` as this stream writes it, such as `0.123`; undefined when it is none. */
function resumedAt(request: Request): EventPosition | undefined {
  const id = /^(\d{1,15})\.(\d{1,15})$/.exec(request.headers.get('last-event-id') ?? '')
  return id ? { transaction: Number(id[1]), seq: Number(id[2]) } : undefined
}
