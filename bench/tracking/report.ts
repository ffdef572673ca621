import { cpus, totalmem } from 'node:os'
import type { Figures } from './measure.ts'
import type { ServerName } from './servers.ts'

/** One line of the report: the figures of each server that was measured. */
export interface Line {
  title: string
  unit: 'ms' | 'MB'
  servers: Partial<Record<ServerName, Figures>>
}

export interface Report {
  date: string
  machine: string
  tidemill: string
  mlflow: string | undefined
  runs: number
  points: number
  databases: { name: string; lines: Line[]; disk: Figures }[]
}

export function machine(): string {
  const list = cpus()
  return `${list.length} × ${list[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`
}

export function markdown(report: Report): string {
  const versions = `Tidemill ${report.tidemill}${report.mlflow === undefined ? '' : `, mlflow server ${report.mlflow} with one worker`}`
  const head = `${report.date}, ${versions}; ${report.runs.toLocaleString('en')} runs, a history of ${report.points.toLocaleString('en')} points; ${report.machine}.`
  const parts = report.databases.map(
    ({ name, lines, disk }) => `### On ${name}\n\n${diskText(disk)}\n\n${table(lines)}`,
  )
  return [head, ...parts].join('\n\n')
}

function diskText({ p50Ms, p95Ms }: Figures): string {
  return `Between these, a write of 4 KiB that waits for the disk took ${short(p50Ms)} ms (p95 ${short(p95Ms)} ms).`
}

/** A line as it is printed while the benchmark runs. */
export function lineText(line: Line): string {
  const [title, ...rest] = cells(line)
  return [title!.padEnd(52), ...rest.map((cell) => cell.padStart(10))].join(' ')
}

const HEADER = [
  '',
  'Tidemill p50',
  'p95',
  'per second',
  'MLflow p50',
  'p95',
  'per second',
  'p95 ratio',
  'throughput ratio',
]

export function table(lines: readonly Line[]): string {
  const rows = [HEADER, HEADER.map(() => '---'), ...lines.map(cells)]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function cells({ title, unit, servers: { tidemill, mlflow } }: Line): string[] {
  const ratio = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? '' : `${mlflow?.timedOut ? '> ' : ''}${value.toFixed(1)}`
  const both = tidemill && mlflow
  return [
    title,
    ...figures(tidemill, unit),
    ...figures(mlflow, unit),
    ratio(both && mlflow.p95Ms / tidemill.p95Ms),
    unit === 'MB' ? '' : ratio(both && tidemill.perSecond / mlflow.perSecond),
  ]
}

function figures(of: Figures | undefined, unit: Line['unit']): string[] {
  if (!of) return ['', '', '']
  const more = of.timedOut ? '> ' : ''
  const value = (number: number): string => `${more}${short(number)} ${unit}`
  return [value(of.p50Ms), value(of.p95Ms), unit === 'MB' || of.timedOut ? '' : short(of.perSecond)]
}

function short(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(2)
}
