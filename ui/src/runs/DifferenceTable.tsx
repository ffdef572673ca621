import { ArrowDownNarrowWide, ArrowUpNarrowWide } from 'lucide-react'
import type { ReactNode } from 'react'
import { useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import { written } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { Grid } from '../kit/Grid.tsx'
import type { GridColumn } from '../kit/grid-layout.ts'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { runColour } from '../palette.ts'
import type { RunComparison } from './answers.ts'
import styles from './Compare.module.css'
import { bestOf } from './compare-data.ts'
import type { Comparison } from './compare-state.ts'
import { dashes } from './facets.ts'

/** Up to so many runs stand side by side, what differs below one another; more stand below one another. */
export const sideBySide = 6

interface TableRow {
  id: string
  name: string
  kind: 'metric' | 'param' | 'tag'
  values: (number | string | null)[]
  best: ReadonlySet<number>
  lowerIsBetter: boolean
}

interface TableProps {
  data: RunComparison
  comparison: Comparison
}

/** What differs: params, then metrics with the best value marked; everything, when asked. */
export function DifferenceTable({ data, comparison }: TableProps) {
  const [all, setAll] = useParam('all', '')
  const rows = useMemo(() => rowsOf(data, comparison, all !== ''), [data, comparison, all])
  const same = [...data.params, ...data.metrics].filter(({ differs }) => !differs).length
  return (
    <Section
      title="What differs"
      note={
        <Button look="quiet" pressed={all !== ''} onPress={() => setAll(all === '' ? 'yes' : '')}>
          {all === '' ? `Show also ${sameText(same)}tags` : 'Only what differs'}
        </Button>
      }
    >
      {rows.length === 0 ? (
        <Quiet>Nothing differs.</Quiet>
      ) : data.runs.length <= sideBySide ? (
        <SideBySide data={data} rows={rows} comparison={comparison} />
      ) : (
        <BelowOneAnother data={data} rows={rows} comparison={comparison} />
      )}
    </Section>
  )
}

function sameText(same: number): string {
  return same === 0
    ? ''
    : same === 1
      ? 'the one that is the same, and '
      : `the ${same} that are the same, and `
}

function rowsOf({ params, tags, metrics }: RunComparison, comparison: Comparison, all: boolean): TableRow[] {
  const none = new Set<number>()
  const wanted = <T extends { differs: boolean }>(rows: T[]) =>
    all ? rows : rows.filter(({ differs }) => differs)
  return [
    ...wanted(params).map(({ key, values }): TableRow => ({
      id: `param:${key}`,
      name: key,
      kind: 'param',
      values,
      best: none,
      lowerIsBetter: false,
    })),
    ...wanted(metrics)
      .filter(({ key }) => all || !key.startsWith('system/'))
      .map(({ key, values, lowerIsBetter: suggested }): TableRow => {
        const lowerIsBetter =
          comparison.dimensions.find(({ id }) => id === `metric:${key}`)?.lowerIsBetter ?? suggested
        return {
          id: `metric:${key}`,
          name: key,
          kind: 'metric',
          values,
          lowerIsBetter,
          best: bestOf(values, lowerIsBetter),
        }
      }),
    ...(all ? tags : []).map(({ key, values }): TableRow => ({
      id: `tag:${key}`,
      name: key,
      kind: 'tag',
      values,
      best: none,
      lowerIsBetter: false,
    })),
  ]
}

function Value({ row, index }: { row: TableRow; index: number }) {
  const value = row.values[index]
  if (value === null || value === undefined) return <Quiet>–</Quiet>
  const text = typeof value === 'number' ? written(value) : value
  return row.best.has(index) ? (
    <strong className={styles['best']} title="The best">
      {text} <span aria-label="best">★</span>
    </strong>
  ) : (
    <span title={String(value)}>{text}</span>
  )
}

/** A metric's name with the direction that counts as better; pressing it turns the direction around. */
function Direction({ row, comparison }: { row: TableRow; comparison: Comparison }): ReactNode {
  if (row.kind !== 'metric') return row.name
  const Icon = row.lowerIsBetter ? ArrowDownNarrowWide : ArrowUpNarrowWide
  const what = row.lowerIsBetter ? 'less is better' : 'more is better'
  return (
    <>
      <span title={row.name}>{row.name}</span>{' '}
      <button
        type="button"
        className={styles['direction']}
        aria-label={`${row.name}: ${what}. Turn around`}
        title={`${what}; press to turn around`}
        onClick={() => comparison.flip(row.name)}
      >
        <Icon size={13} aria-hidden />
      </button>
    </>
  )
}

function RunMark({ run, dash }: { run: { id: string; name: string }; dash: boolean }) {
  return (
    <span
      aria-hidden
      className={styles['mark']}
      style={{ borderTop: `3px ${dash ? 'dashed' : 'solid'} ${runColour(run.id)}` }}
    />
  )
}

function SideBySide({ data, rows, comparison }: TableProps & { rows: TableRow[] }) {
  const dashed = dashes(data.runs.map(({ id }) => id))
  return (
    <div className={styles['sides']}>
      <Table
        label="What differs"
        rows={rows}
        rowKey={(row) => row.id}
        columns={[
          { name: 'What', cell: (row) => <Direction row={row} comparison={comparison} /> },
          ...data.runs.map((run, index) => ({
            name: run.id,
            head: (
              <>
                <RunMark run={run} dash={dashed.get(run.id)?.dash !== undefined} />
                <Link href={`/runs/${run.id}`} title={run.name}>
                  {comparison.labels[index]}
                </Link>
              </>
            ),
            number: true,
            cell: (row: TableRow) => <Value row={row} index={index} />,
          })),
        ]}
      />
    </div>
  )
}

function BelowOneAnother({ data, rows, comparison }: TableProps & { rows: TableRow[] }) {
  const { labels } = comparison
  const [sort, setSort] = useParam('order', '')
  const [, go] = useLocation()
  const [id = '', direction] = sort.split(' ')
  const by = rows.find((row) => row.id === id)
  const order = useMemo(() => {
    const indexes = data.runs.map((_, index) => index)
    if (!by) return indexes
    const sign = direction === 'asc' ? 1 : -1
    return indexes.sort((a, b) => compare(by.values[a], by.values[b], sign))
  }, [data.runs, by, direction])
  const columns = useMemo((): GridColumn<number>[] => {
    const run = (index: number) => data.runs[index]!
    return [
      {
        id: 'name',
        name: 'Run',
        width: [200, 1],
        pinned: true,
        cell: (index) => (
          <>
            <RunMark run={run(index)} dash={false} />
            <Link href={`/runs/${run(index).id}`} title={run(index).name}>
              {labels[index]}
            </Link>
          </>
        ),
      },
      { id: 'status', name: 'State', width: [100, 0], cell: (index) => <State word={run(index).status} /> },
      ...rows.map((row): GridColumn<number> => ({
        id: row.id,
        name: row.name,
        title: `${row.kind} ${row.name}`,
        width: [110, 0.5],
        sortable: true,
        ...(row.kind === 'metric' && { number: true }),
        cell: (index) => <Value row={row} index={index} />,
      })),
    ]
  }, [data.runs, rows, labels])
  const none = useMemo(() => new Set<string>(), [])
  const shown = useMemo(() => order.map((item) => ({ item, depth: 0 })), [order])
  return (
    <div className={styles['grid']}>
      <Grid<number>
        label="What differs"
        columns={columns}
        rows={shown}
        total={order.length}
        rowKey={(index) => data.runs[index]!.id}
        nameOf={(index) => labels[index]!}
        onOpen={(index) => go(`/runs/${data.runs[index]!.id}`)}
        selected={none}
        sort={sort}
        onSort={(column) => setSort(sort === `${column} desc` ? `${column} asc` : `${column} desc`)}
      />
      <p className={styles['directions']}>
        {rows
          .filter(({ kind }) => kind === 'metric')
          .slice(0, 12)
          .map((row) => (
            <span key={row.id}>
              <Direction row={row} comparison={comparison} />
            </span>
          ))}
      </p>
    </div>
  )
}

/** What has no value comes last, whatever the direction. */
function compare(
  a: number | string | null | undefined,
  b: number | string | null | undefined,
  sign: number,
): number {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1
  if (b === null || b === undefined) return -1
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b)
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true })
}
