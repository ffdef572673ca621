/**
 * The summary of a table and twenty expectations on it, beside Great Expectations (the same twenty, pandas engine) and Evidently's data summary:
 * flights-3m.parquet of vega-datasets, or for more rows copies of it with jittered times, delays and distances. Each is a process of its own and
 * reads the same Parquet file.
 *
 *     node bin/dev.mjs bench/data.ts [--rows 3000000,30000000] [--rounds 1] [--memory 1GB] [--peers off] [--json FILE] [--docs]
 *
 * `--docs` writes the tables into docs/reference/data.md. The first run makes a virtual environment under .venv/ for the peers.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { codeVersion } from '../src/governance/code-version.ts'
import { compileCache } from '../src/kernel/compile-cache.ts'
import { serverFlags } from '../src/supervisor/node-flags.ts'
import type { Measured, Work } from './data/work.ts'
import { machine } from './tracking/report.ts'

const DOCS = fileURLToPath(new URL('../docs/reference/data.md', import.meta.url))
const DOCS_BLOCK = /(<!-- bench\/data -->\n)[^]*?(<!-- end -->)/
const VENV = fileURLToPath(new URL('../.venv/data-peers', import.meta.url))
const PYTHON = join(VENV, 'bin/python')
const OWN = fileURLToPath(new URL('data-process.ts', import.meta.url))
const PEERS = fileURLToPath(new URL('data/peers.py', import.meta.url))
const FLIGHTS = fileURLToPath(
  new URL('../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url),
)
const FLIGHTS_ROWS = 3_000_000

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '3000000' },
    rounds: { type: 'string', default: '1' },
    memory: { type: 'string', default: '1GB' },
    peers: { type: 'string', default: 'on' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
})

type Name = 'tidemill' | 'great_expectations' | 'evidently'

const TITLE: Readonly<Record<Name, string>> = {
  tidemill: 'Tidemill',
  great_expectations: 'Great Expectations',
  evidently: 'Evidently',
}

interface Line {
  name: Name
  work: string
  measured: Measured
}

const names: readonly Name[] =
  options.peers === 'off' ? ['tidemill'] : ['tidemill', 'great_expectations', 'evidently']
if (names.length > 1 && !existsSync(PYTHON)) {
  execFileSync('python3', ['-m', 'venv', VENV], { stdio: 'inherit' })
  execFileSync(
    PYTHON,
    ['-m', 'pip', 'install', '--quiet', 'great_expectations', 'evidently', 'pandas<3', 'pyarrow'],
    {
      stdio: 'inherit',
    },
  )
}

const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-data-'))
const reports: { rows: number; bytes: number; lines: Line[] }[] = []
try {
  for (const rows of options.rows.split(',').map(Number)) {
    const { path, airports } = await writeFlights(rows)
    const work = { path, rows, airports, memoryLimit: options.memory }
    const lines: Line[] = []
    for (const parts of ['by row', 'with uniqueness'] as const)
      for (const name of names)
        if (parts === 'by row' || name !== 'evidently') lines.push(await measure(name, { ...work, parts }))
    reports.push({ rows, bytes: statSync(path).size, lines })
    rmSync(path)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const text = markdown()
process.stdout.write(`\n${text}\n`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reports, undefined, 2)}\n`)
if (options.docs) {
  writeFileSync(
    DOCS,
    readFileSync(DOCS, 'utf8').replace(DOCS_BLOCK, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  )
}

/** So many rows as one Parquet file. Copies after the first are moved by up to an hour, a quarter of an hour of delay and ten miles. */
async function writeFlights(rows: number): Promise<{ path: string; airports: string[] }> {
  const path = join(folder, 'flights.parquet')
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '2GB' })
  const connection = await instance.connect()
  const copies = Math.ceil(rows / FLIGHTS_ROWS)
  await connection.run('SELECT setseed(0.5)')
  await connection.run(`COPY (
    SELECT date + to_seconds(CASE WHEN copy = 0 THEN 0 ELSE floor(random() * 3600)::BIGINT END) AS date,
      delay::BIGINT + CASE WHEN copy = 0 THEN 0 ELSE floor(random() * 30)::BIGINT - 15 END AS delay,
      greatest(0, distance::BIGINT + CASE WHEN copy = 0 THEN 0 ELSE floor(random() * 20)::BIGINT - 10 END) AS distance,
      origin, destination
    FROM range(${copies}) copies(copy), read_parquet('${FLIGHTS}') LIMIT ${rows}
  ) TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`)
  const found = await connection.runAndReadAll(
    `SELECT DISTINCT unnest([origin, destination]) AS airport FROM read_parquet('${FLIGHTS}') ORDER BY airport`,
  )
  connection.closeSync()
  instance.closeSync()
  return { path, airports: found.getRows().map(([airport]) => String(airport)) }
}

/** The best of some rounds, each a process of its own. */
async function measure(name: Name, work: Work): Promise<Line> {
  const input = JSON.stringify(work)
  const [command, args] =
    name === 'tidemill' ? [process.execPath, [...serverFlags, OWN, input]] : [PYTHON, [PEERS, name, input]]
  let best: Measured | undefined
  for (let round = 0; round < Number(options.rounds); round++) {
    // As workers are started: with what Node compiled before.
    const env = { ...process.env, ...compileCache }
    const { stdout } = await promisify(execFile)(command, args, { cwd: folder, maxBuffer: 2 ** 26, env })
    const measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured
    if (measured.failed && measured.failed.length > 0)
      throw new Error(`${name}: ${measured.failed.join(', ')} failed`)
    if (!best || measured.seconds < best.seconds) best = measured
  }
  const checks = `20 checks${work.parts === 'with uniqueness' ? ', one of them that rows do not repeat' : ''}`
  const what = { tidemill: `summary and ${checks}`, great_expectations: checks, evidently: 'summary' }
  const line = { name, work: what[name], measured: best! }
  process.stdout.write(
    `${work.rows.toLocaleString('en')} rows, ${name}, ${line.work}: ${seconds(best!)}, ${megabytes(best!)}\n`,
  )
  return line
}

function markdown(): string {
  const version = (name: Name): string =>
    reports[0]?.lines.find((line) => line.name === name)?.measured.version ?? ''
  const peers =
    names.length === 1
      ? ''
      : `, Great Expectations ${version('great_expectations')} on pandas, Evidently ${version('evidently')}`
  const head = `${new Date().toISOString().slice(0, 10)}, Tidemill ${codeVersion} with DuckDB limited to ${options.memory}${peers}; ${machine()}. Time is from opening the file until all is known, without starting the process; × is of Tidemill’s, which does the work of both peers at once.`
  return [head, ...reports.map(table)].join('\n\n')
}

function table({ rows, bytes, lines }: (typeof reports)[number]): string {
  const cells = lines.map(({ name, work, measured }) => {
    // Tidemill's line that has the same checks.
    const own = lines.filter((line) => line.name === 'tidemill')
    const ours = (own.find((line) => line.work.endsWith(work)) ?? own[0]!).measured
    const ratio = (of: 'seconds' | 'cpuSeconds' | 'peakMb'): string =>
      name === 'tidemill' ? '' : `${(measured[of] / ours[of]).toFixed(1)} ×`
    return [
      TITLE[name],
      work,
      seconds(measured),
      ratio('seconds'),
      `${measured.cpuSeconds.toFixed(1)} s`,
      ratio('cpuSeconds'),
      megabytes(measured),
      ratio('peakMb'),
    ]
  })
  const header = ['', 'work', 'time', '', 'processor time', '', 'peak memory', '']
  const lined = [header, header.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`)
  return `**${rows.toLocaleString('en')} rows**, ${Math.round(bytes / 1e6)} MB of Parquet\n\n${lined.join('\n')}`
}

function seconds({ seconds: value }: Measured): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} s`
}

function megabytes({ peakMb }: Measured): string {
  return `${Math.round(peakMb).toLocaleString('en')} MB`
}
