import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Expectation, FileExpectation } from './definition.ts'
import { describe } from './describe.ts'
import { measureOf } from './measures.ts'
import { unmetNeeds } from './needs.ts'
import { badRows } from './row-checks.ts'
import type { Column } from '../sources/schema.ts'
import { median } from '../statistics/median.ts'

/**
 * An expectation as SQL over one scan of the arriving rows.
 * - `bad`: true for a row that fails; `count`: their number, where there is something quicker than counting; `prepare`: makes the temporary tables that `bad` or `measure` look into, before the scan.
 * - `measure`: an aggregate over a file, held against `min` and `max`; `missing`: why there is none, though it holds.
 * - `query`: a query of its own for each file (custom SQL).
 * - `columns`: about the columns of each file, without SQL.
 * - `refused`: it cannot be evaluated over these columns, and why.
 */
export type Check = {
  key: string
  title: string
  phrase: string
  severity: 'error' | 'warn'
  expectation: FileExpectation
  /** The version of another dataset that it is held against, as `name@number`. */
  against: string | null
} & (
  | { bad: string; count?: string; prepare?: Prepare }
  | { measure: string; prepare?: Prepare; min?: number | undefined; max?: number | undefined }
  | { missing: string }
  | { query: string }
  | { columns: Extract<Expectation, { check: 'columns' }> }
  | { refused: string }
)

type Prepare = (session: AnalyticsSession) => Promise<void>

/** A version of another dataset: `reference` is `name@number`, `scan` is SQL of its rows. */
export interface ReferencedVersion {
  reference: string
  columns: readonly Column[]
  scan: string
}

export interface CompileContext {
  columns: readonly Column[]
  time: string | undefined
  nowMs: number
  /** SQL of the rows that the dataset has already and keeps, and their columns. */
  history: { scan: string; columns: readonly Column[] } | undefined
  /** Rows of the files that the dataset has already, the newest last. */
  earlierRows: readonly number[]
  /** The latest version of each dataset that an expectation refers to, if it has one. */
  references: ReadonlyMap<string, ReferencedVersion>
}

/** `arriving` is SQL of the arriving rows with `__file` and `file_row_number`; `file` SQL of the part that an aggregate is over. */
export type ScanContext = CompileContext & { arriving: string; file: string }

/** `index` makes the names of temporary tables unique. */
export function compileExpectation(
  expectation: FileExpectation,
  { index, key }: { index: number; key: string },
  context: ScanContext,
): Check {
  const { title, phrase } = describe(expectation)
  const referenced =
    expectation.check === 'references' ? context.references.get(expectation.dataset) : undefined
  const head = {
    key,
    title,
    phrase,
    severity: expectation.severity,
    expectation,
    against: referenced?.reference ?? null,
  }
  const refused = unmetNeeds(expectation, context)
  if (refused !== undefined) return { ...head, refused }
  const compiled = compile(expectation, index, context)
  if (!('bad' in compiled) || !('when' in expectation) || expectation.when === undefined)
    return { ...head, ...compiled }
  const { prepare } = compiled
  return { ...head, bad: `((${expectation.when}) AND ${compiled.bad})`, ...(prepare && { prepare }) }
}

function compile(e: FileExpectation, index: number, context: ScanContext) {
  switch (e.check) {
    case 'sql':
      return { query: e.sql }
    case 'columns':
      return { columns: e }
    case 'rowCount':
      return { measure: 'count(*)', min: e.min, max: e.max }
    case 'rowCountChange': {
      const before = context.earlierRows.slice(-e.last)
      const usual = before.length === 0 ? 0 : median(before)
      return usual === 0
        ? { missing: 'there is no earlier file with rows to compare with' }
        : { measure: `count(*) / ${usual}`, min: e.min, max: e.max }
    }
    case 'freshness':
      return {
        measure: `(${context.nowMs} - epoch_ms(max(${quoteIdentifier(context.time!)})))`,
        max: e.maxAgeMs,
      }
    case 'sumBetween':
    case 'meanBetween':
    case 'standardDeviationBetween':
    case 'quantileBetween':
    case 'distinctCount':
    case 'distinctShare':
    case 'uniqueShare':
    case 'mostCommonShare':
    case 'valueShare':
      return { ...measureOf(e, { ...context, index }), min: e.min, max: e.max }
    case 'between':
    case 'castable':
    case 'finite':
    case 'format':
    case 'inSet':
    case 'increasing':
    case 'length':
    case 'lessOrEqual':
    case 'matches':
    case 'noDuplicateRows':
    case 'notNull':
    case 'references':
    case 'unique':
      return badRows(e, index, context)
  }
}
