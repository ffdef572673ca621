import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { Spark } from '../charts/Spark.tsx'
import { count, decimal, share } from '../format.ts'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { State, StateIcon } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import type { CheckSeries } from './answers.ts'
import { datasetChecks } from './api.ts'
import styles from './DatasetPage.module.css'

type Point = CheckSeries['points'][number]

const shown = 24

/** What each check has said of what arrived, report by report; those that did not hold last come first. */
export function CheckHistory({ name }: { name: string }) {
  const query = useQuery(datasetChecks(name))
  return (
    <Section title="Checks over time" note={`the newest ${shown} reports, oldest at the left`}>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Quiet>No check yet: name some in `expect`, or ask `tidemill data infer` for proposals.</Quiet>
          ) : (
            <Table
              label="Checks over time"
              rows={items.toSorted((a, b) => Number(holds(a)) - Number(holds(b)))}
              rowKey={(series) => series.key}
              columns={[
                { name: 'Check', wrap: true, cell: (series) => series.title },
                { name: 'Last', cell: (series) => <Last series={series} /> },
                { name: 'Reports', cell: (series) => <Strip points={series.points.slice(-shown)} /> },
                { name: 'Held in', number: true, cell: (series) => heldIn(series.points) },
                { name: 'Measured', cell: (series) => <Spark values={measured(series.points)} /> },
                { name: 'Last value', number: true, cell: (series) => lastValue(series.points) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function holds({ points }: CheckSeries): boolean {
  return points.at(-1)?.passed ?? true
}

function Last({ series }: { series: CheckSeries }) {
  const last = series.points.at(-1)
  if (last === undefined) return <Quiet>–</Quiet>
  if (last.passed) return <State word="passed" />
  return (
    <span title={last.message}>
      <State word={series.severity === 'warn' ? 'warned' : 'failed'} />
    </span>
  )
}

/** A mark for each report; one that did not hold leads to its report. */
function Strip({ points }: { points: Point[] }) {
  return (
    <span className={styles['strip']}>
      {points.map((point) =>
        point.passed ? (
          <span key={point.reportId} className={styles['held']} title={titleOf(point)} />
        ) : (
          <Link key={point.reportId} href={`/reports/${point.reportId}`} title={titleOf(point)}>
            <StateIcon mood={point.version === null ? 'bad' : 'attention'} label={titleOf(point)} />
          </Link>
        ),
      )}
    </span>
  )
}

function titleOf({ version, message, passed }: Point): string {
  const what = version === null ? 'refused' : `v${version}`
  return passed ? `${what}: held` : `${what}: ${message}`
}

function heldIn(points: Point[]): string {
  return share(points.filter(({ passed }) => passed).length / Math.max(1, points.length))
}

/** What a check on rows counts is a share; what another measures stands as it is. */
function valueOf({ failing, rows, observed }: Point): number | undefined {
  if (failing !== null) return rows === 0 ? 0 : failing / rows
  return observed?.max
}

function measured(points: Point[]): number[] {
  return points.map(valueOf).filter((value) => value !== undefined)
}

function lastValue(points: Point[]): string {
  const last = points.at(-1)
  if (last === undefined) return ''
  if (last.failing !== null) return `${count(last.failing)} of ${count(last.rows)}`
  if (last.observed === null) return ''
  const { min, max } = last.observed
  return min === max ? decimal(max) : `${decimal(min)} – ${decimal(max)}`
}
