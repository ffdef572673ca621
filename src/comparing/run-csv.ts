import type { Context } from '../http/context.ts'
import type { OrderTerm } from '../search/search.ts'
import { listRunColumns, readRunTable, type RunTableSearch } from './run-table.ts'
import type { RunColumn, RunTableRow } from './schema.ts'

const PAGE = 1000
const MAX_KEYS = 200

/**
 * A whole table of runs as CSV (RFC 4180, UTF-8), page by page, so that it needs the memory of one page. Without a choice of columns: the
 * 200 metrics and the 200 params that most runs have.
 */
export async function csvOfRuns(
  context: Pick<Context, 'db' | 'clock'>,
  input: RunTableSearch & {
    columns?: readonly RunColumn[] | undefined
    orderBy?: readonly OrderTerm[] | undefined
  },
): Promise<ReadableStream<Uint8Array>> {
  const columns = input.columns ?? (await allColumns(context, input))
  // The first page is read before the answer begins: what is wrong with the search is said with a status.
  const first = await readRunTable(context, { ...input, columns, limit: PAGE })
  async function* lines(): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder()
    const attributes = [
      'run_id',
      'name',
      'status',
      'experiment_id',
      'user',
      'start_time',
      'end_time',
      'parent_run_id',
    ]
    yield encoder.encode(line([...attributes, ...columns.map(({ kind, key }) => `${kind}s.${key}`)]))
    for (let page = first; ;) {
      yield encoder.encode(page.rows.map(rowLine).join(''))
      if (page.nextPageToken === undefined) return
      page = await readRunTable(context, { ...input, columns, limit: PAGE, pageToken: page.nextPageToken })
    }
  }
  return ReadableStream.from(lines())
}

async function allColumns(
  context: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, experimentIds }: RunTableSearch,
): Promise<RunColumn[]> {
  const search = { projectId, actor, experimentIds, containing: '', limit: MAX_KEYS }
  const { metrics, params } = await listRunColumns(context, search)
  return [
    ...metrics.map(({ key }): RunColumn => ({ kind: 'metric', key })),
    ...params.map(({ key }): RunColumn => ({ kind: 'param', key })),
  ]
}

function rowLine(row: RunTableRow): string {
  return line([
    row.id,
    row.name,
    row.status,
    row.experimentId,
    row.userId,
    new Date(row.startMs).toISOString(),
    row.endMs === undefined ? '' : new Date(row.endMs).toISOString(),
    row.parentRunId ?? '',
    ...row.values.map((value) => (value === null ? '' : String(value))),
  ])
}

function line(cells: readonly string[]): string {
  const quoted = cells
    .map(asText)
    .map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell))
  return `${quoted.join(',')}\r\n`
}

/** A text that a spreadsheet would run as a formula is marked as text, as spreadsheets do it: https://owasp.org/www-community/attacks/CSV_Injection */
function asText(cell: string): string {
  return /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell
}
