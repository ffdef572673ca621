import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Label, Question, ReplayDriver } from './driver.ts'
import { LABEL_DELAY_MS } from './own-project.ts'
import type { OwnTable } from './own-table.ts'

/** More rows than this are thinned evenly. */
const MAX_REQUESTS = 20_000
/** The barrier of a replay costs up to a second: a long history is played several days at a time. */
const MAX_STEPS = 40
/** Files in which rows arrive once their label is known. */
const MAX_FILES = 8

interface PlayedRow {
  id: number
  timeMs: number
  target: number
  values: (string | number | null)[]
}

/** Asks about the rows after the cut in the order of their time, and sends each label when it has become known. */
export async function playRequests(play: {
  driver: ReplayDriver
  session: AnalyticsSession
  table: OwnTable
  deployment: string
  /** Lets the rows of a time span arrive as a file, with their labels. */
  deliver: (span: { fromMs: number; toMs: number }) => Promise<void>
}): Promise<{ every: number }> {
  const { driver, table, deployment, deliver } = play
  const every = Math.ceil((table.rows - table.historyRows) / MAX_REQUESTS)
  const rows = await readRows(play, every)
  const stepMs = Math.ceil((table.lastMs - table.cutMs + 1) / DAY_MS / MAX_STEPS) * DAY_MS
  const endMs = table.lastMs + LABEL_DELAY_MS + stepMs
  const fileMs = Math.ceil((table.lastMs - table.cutMs + 1) / stepMs / MAX_FILES) * stepMs
  let deliveredMs = table.cutMs
  let next = 0
  let waiting: Label[] = []
  for (let startMs = table.cutMs; startMs < endMs; startMs += stepMs) {
    const toMs = startMs + stepMs
    const first = next
    while (next < rows.length && rows[next]!.timeMs < toMs) next += 1
    await driver.advance(startMs)
    const byRequest = new Map(rows.slice(first, next).map((row) => [`row-${row.id}`, row]))
    const questions = [...byRequest].map(([requestId, row]) => toQuestion(table, requestId, row))
    for (const { requestId, predictionId } of await driver.ask(deployment, questions)) {
      const { target, timeMs } = byRequest.get(requestId)!
      waiting.push({ predictionId, label: target, timeMs: timeMs + LABEL_DELAY_MS })
    }
    await driver.label(waiting.filter(({ timeMs }) => timeMs < toMs))
    waiting = waiting.filter(({ timeMs }) => timeMs >= toMs)
    await driver.settle()
    await driver.advance(toMs)
    if (toMs - LABEL_DELAY_MS - deliveredMs >= fileMs) {
      await deliver({ fromMs: deliveredMs, toMs: toMs - LABEL_DELAY_MS })
      deliveredMs = toMs - LABEL_DELAY_MS
    }
    await driver.settle()
  }
  await driver.label(waiting)
  await driver.settle()
  return { every }
}

async function readRows(
  { session, table }: { session: AnalyticsSession; table: OwnTable },
  every: number,
): Promise<PlayedRow[]> {
  const names = table.features.map(({ name }, at) => `${quoteIdentifier(name)} AS c${at}`)
  const read = await session.columns(
    `SELECT __id AS id, __time_ms AS time_ms, ${quoteIdentifier(table.target.name)} AS target, ${names.join(', ')}
     FROM own WHERE __time_ms >= ${table.cutMs} AND __id % ${every} = 0 ORDER BY __id`,
  )
  const columns = table.features.map((_, at) => read[`c${at}`] as (string | number | null)[])
  return (read['id'] as number[]).map((id, row) => ({
    id,
    timeMs: Number(read['time_ms']![row]),
    target: Number(read['target']![row]),
    values: columns.map((column) => column[row]!),
  }))
}

/** What a row does not know is asked as null: JSON writes NaN as that. */
function toQuestion(table: OwnTable, requestId: string, { timeMs, values }: PlayedRow): Question {
  const inputs = table.features.map(({ name, kind }, at): [string, Question['inputs'][string]] => [
    name,
    { datatype: kind === 'number' ? 'FP64' : 'BYTES', value: values[at] ?? Number.NaN },
  ])
  return { requestId, timeMs, inputs: Object.fromEntries(inputs) }
}
