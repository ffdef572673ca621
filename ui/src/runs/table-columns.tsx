import { ChevronDown, ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { duration, written } from '../format.ts'
import type { GridColumn } from '../kit/grid-layout.ts'
import { State } from '../kit/State.tsx'
import { Time } from '../kit/Time.tsx'
import { runColour } from '../palette.ts'
import type { RunColumn, RunTableRow } from './answers.ts'
import styles from './RunsPage.module.css'

/** What every run has; a table shows the first three unless told otherwise. */
export const attributes: readonly { id: string; name: string }[] = [
  { id: 'attribute:status', name: 'State' },
  { id: 'attribute:startMs', name: 'Started' },
  { id: 'attribute:took', name: 'Took' },
  { id: 'attribute:userId', name: 'User' },
  { id: 'attribute:experimentId', name: 'Experiment' },
  { id: 'attribute:id', name: 'Run id' },
]
const usualAttributes = attributes.slice(0, 3).map(({ id }) => id)

const attributeColumns: Record<string, Omit<GridColumn<RunTableRow>, 'id' | 'name'>> = {
  'attribute:status': { width: [100, 0], sortable: true, cell: (run) => <State word={run.status} /> },
  'attribute:startMs': { width: [112, 0], sortable: true, cell: (run) => <Time ms={run.startMs} /> },
  'attribute:took': {
    width: [84, 0],
    number: true,
    cell: (run) =>
      run.endMs === undefined || run.endMs === run.startMs ? '' : duration(run.endMs - run.startMs),
  },
  'attribute:userId': { width: [110, 0.4], sortable: true, cell: (run) => run.userId },
  'attribute:experimentId': { width: [100, 0], cell: (run) => run.experimentId },
  'attribute:id': { width: [270, 0], cell: (run) => <code>{run.id}</code> },
}

interface TableColumns {
  /** All columns but the name, as the address has them; undefined: the usual attributes and what the server chose. */
  chosen: readonly string[] | undefined
  pinned: ReadonlySet<string>
  /** What the values of a row stand for. */
  answered: readonly RunColumn[]
  tree: boolean
  isOpen: (id: string) => boolean
  onNest: (run: RunTableRow) => void
  experimentName: (id: string) => string
}

export function tableColumns(input: TableColumns): GridColumn<RunTableRow>[] {
  const { chosen, pinned, answered } = input
  const ids = chosen ?? [...usualAttributes, ...answered.map(({ kind, key }) => `${kind}:${key}`)]
  const places = new Map(answered.map(({ kind, key }, index) => [`${kind}:${key}`, index]))
  const columns = ids.flatMap((id): GridColumn<RunTableRow>[] => {
    const attribute = attributeColumns[id]
    const name = attributes.find((known) => known.id === id)?.name ?? ''
    const pin = pinned.has(id) && { pinned: true }
    if (id === 'attribute:experimentId')
      return [{ id, name, width: [140, 0.4], ...pin, cell: (run) => input.experimentName(run.experimentId) }]
    if (attribute) return [{ id, name, ...attribute, ...pin }]
    const place = places.get(id)
    return place === undefined ? [] : [{ ...valueColumn(id, place), ...pin }]
  })
  const first: GridColumn<RunTableRow> = {
    id: 'attribute:name',
    name: 'Run',
    width: [220, 1.4],
    sortable: true,
    pinned: true,
    cell: (run) => <Name run={run} {...input} />,
  }
  return [first, ...columns.filter((column) => column.pinned), ...columns.filter((column) => !column.pinned)]
}

function valueColumn(id: string, place: number): GridColumn<RunTableRow> {
  const [kind = '', ...rest] = id.split(':')
  const name = rest.join(':')
  const metric = kind === 'metric'
  const cell = (run: RunTableRow): ReactNode => {
    const value = run.values[place]
    if (value === null || value === undefined) return ''
    return metric ? (
      <span title={String(value)}>{typeof value === 'number' ? written(value) : value}</span>
    ) : (
      <span title={String(value)}>{value}</span>
    )
  }
  return {
    id,
    name,
    title: `${kind} ${name}`,
    width: [96, 0.6],
    sortable: true,
    ...(metric && { number: true }),
    cell,
  }
}

function Name({
  run,
  tree,
  isOpen,
  onNest,
}: { run: RunTableRow } & Pick<TableColumns, 'tree' | 'isOpen' | 'onNest'>) {
  const open = isOpen(run.id)
  const Icon = open ? ChevronDown : ChevronRight
  return (
    <>
      {tree && run.children > 0 && (
        <button
          type="button"
          tabIndex={-1}
          className={styles['nest']}
          aria-expanded={open}
          aria-label={`${open ? 'Close' : 'Open'} the ${run.children} runs in ${run.name}`}
          onClick={() => onNest(run)}
        >
          <Icon size={14} aria-hidden />
        </button>
      )}
      <span className={styles['swatch']} style={{ background: runColour(run.id) }} />
      <Link className={styles['name'] ?? ''} href={`/runs/${run.id}`} title={run.name}>
        {run.name}
      </Link>
      {tree && run.children > 0 && <span className={styles['count']}>{run.children}</span>}
    </>
  )
}
