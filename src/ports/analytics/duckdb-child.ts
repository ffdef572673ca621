// DuckDB for a process that must go on when a query crashes it or takes all memory. It ends with its parent.
import { AppError, messageOf, toAppError } from '../../kernel/errors.ts'
import type { AnalyticsSession } from './analytics.ts'
import { openDuckDb } from './duckdb.ts'
import type { Answered, Asked, DuckDbOptions, Interrupt, Refused, Work } from './process-messages.ts'

interface Open {
  session: AnalyticsSession
  chunks: AsyncIterator<Record<string, unknown[]>> | undefined
}

const analytics = openDuckDb(JSON.parse(process.argv[2]!) as DuckDbOptions)
const sessions = new Map<number, Open>()

process.on('message', (message: Asked | Interrupt) => {
  if ('interrupt' in message) sessions.get(message.interrupt)?.session.interrupt()
  else void answer(message)
})
// Threads of DuckDB may be at work: an orderly end would wait for them.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

async function answer({ id, session, work }: Asked): Promise<void> {
  const said = await carryOut(session, work).then(
    (value): Answered => ({ id, value }),
    (error: unknown): Answered => ({ id, refused: toRefused(error) }),
  )
  // Who has asked may be gone by then.
  if (process.connected) process.send!(said, undefined, undefined, () => undefined)
}

async function carryOut(number: number, work: Work): Promise<unknown> {
  if (work.do === 'open') {
    const { threads } = work
    const session = await analytics.session(threads === undefined ? {} : { threads })
    sessions.set(number, { session, chunks: undefined })
    return undefined
  }
  const open = sessions.get(number)
  if (!open) throw new AppError('internal', `There is no session ${number}`)
  const { session } = open
  switch (work.do) {
    case 'query':
    case 'columns':
    case 'execute':
      return await session[work.do](work.sql, work.parameters)
    case 'append':
      return await session.append(work.table, work.types, work.columns)
    case 'startChunks':
      open.chunks = session.chunks(work.sql)[Symbol.asyncIterator]()
      return undefined
    case 'nextChunk': {
      const { done, value } = await open.chunks!.next()
      return done === true ? undefined : value
    }
    case 'endChunks':
      await open.chunks?.return?.()
      open.chunks = undefined
      return undefined
    case 'close':
      sessions.delete(number)
      return await session[Symbol.asyncDispose]()
  }
}

function toRefused(error: unknown): Refused {
  const { code, message, details } = toAppError(error)
  return { code, message: code === 'internal' ? messageOf(error) : message, details }
}
