import { resourceUsage } from 'node:process'
import { openDuckDb } from '../src/ports/analytics/duckdb.ts'
import { presentSummary, summarise } from '../src/summaries/summaries.ts'
import {
  between,
  columns,
  distinctCount,
  inSet,
  length,
  matches,
  meanBetween,
  notNull,
  quantileBetween,
  rowCount,
  unique,
} from '../src/expectations/definition.ts'
import { validate } from '../src/expectations/expectations.ts'
import { parquetScan } from '../src/ports/analytics/analytics.ts'
import type { Column } from '../src/sources/schema.ts'
import type { Work } from './data/work.ts'

// A process of its own for `bench/data.ts`: the summary and the expectations of one Parquet file, as an ingest computes them.
const { path, airports, rows, memoryLimit, parts } = JSON.parse(process.argv[2]!) as Work

const COLUMNS: readonly Column[] = [
  { name: 'date', type: 'TIMESTAMP' },
  { name: 'delay', type: 'BIGINT' },
  { name: 'distance', type: 'BIGINT' },
  { name: 'origin', type: 'VARCHAR' },
  { name: 'destination', type: 'VARCHAR' },
]

const EXPECTATIONS = [
  ...COLUMNS.map(({ name }) => notNull(name)),
  between('date', '2001-01-01', '2001-12-31'),
  between('delay', -1_500, 3_000),
  between('distance', 0, 6_000),
  matches('origin', /^[A-Z]{3}$/),
  matches('destination', /^[A-Z]{3}$/),
  length('origin', { min: 3, max: 3 }),
  length('destination', { min: 3, max: 3 }),
  inSet('origin', airports),
  inSet('destination', airports),
  rowCount({ min: rows, max: rows }),
  columns(
    { date: 'timestamp', delay: 'number', distance: 'number', origin: 'category', destination: 'category' },
    { exact: true },
  ),
  meanBetween('delay', { min: 0, max: 20 }),
  quantileBetween('delay', 0.5, { min: -10, max: 10 }),
  distinctCount('origin', { min: 100, max: 400 }),
  parts === 'with uniqueness'
    ? unique(
        COLUMNS.map(({ name }) => name),
        { maxShare: 0.5 },
      )
    : distinctCount('destination', { min: 100, max: 400 }),
]

const started = performance.now()
const cpuBefore = process.cpuUsage()
await using analytics = openDuckDb({ memoryLimit })
await using session = await analytics.session()
const summaryStarted = performance.now()
const summary = presentSummary(await summarise(session, `SELECT * FROM ${parquetScan([path])}`, COLUMNS))
const checksStarted = performance.now()
const { results } = await validate(
  session,
  [{ path: 'flights', part: path, columns: COLUMNS }],
  EXPECTATIONS,
  {
    columns: COLUMNS,
    time: 'date',
    nowMs: Date.UTC(2001, 6, 1),
    history: undefined,
    earlierRows: [],
    references: new Map(),
  },
)
const ended = performance.now()
const cpu = process.cpuUsage(cpuBefore)
process.stdout.write(
  JSON.stringify({
    seconds: (ended - started) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    summarySeconds: (checksStarted - summaryStarted) / 1000,
    checksSeconds: (ended - checksStarted) / 1000,
    peakMb: resourceUsage().maxRSS / 1024,
    rows: summary.rows,
    checks: results.length,
    failed: results.filter(({ passed }) => !passed).map(({ title }) => title),
  }),
)
