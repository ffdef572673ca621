import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import styles from './Grid.module.css'
import { useGridKeys } from './grid-keys.ts'

export interface GridColumn<T> {
  id: string
  name: string
  /** What the name alone does not tell, on hover. */
  title?: string
  /** Pixels it has at least, and its part of what is left over. */
  width: readonly [minPx: number, grow: number]
  cell: (row: T) => ReactNode
  number?: boolean
  sortable?: boolean
  /** Stays in sight while the others scroll sideways; pinned columns come first, and don't grow. */
  pinned?: boolean
}

/** A row as the grid draws it: the thing, how deep it is nested, and whether what is nested in it is shown. */
export interface GridRow<T> {
  item: T
  depth: number
  open?: boolean
}

interface GridProps<T> {
  label: string
  columns: GridColumn<T>[]
  /** What is loaded, from the top. */
  rows: GridRow<T>[]
  /** How many rows there are; those that are not loaded yet have their place. */
  total: number
  /** The rows are about to be others. */
  busy?: boolean
  rowKey: (item: T) => string
  nameOf: (item: T) => string
  onOpen: (item: T) => void
  selected: ReadonlySet<string>
  /** Without it rows can't be selected. */
  onSelect?: (keys: ReadonlySet<string>) => void
  onCompare?: () => void
  onNest?: (item: T, open: boolean) => void
  sort: string
  onSort: (columnId: string) => void
  /** Called with the last row in sight while it is not loaded. */
  onNeed?: (index: number) => void
  /** Told whether the first row is in sight: there a new row may slide in. */
  onTop?: (atTop: boolean) => void
  /** A change of it takes the grid to its first row. */
  resetKey?: string | number
}

const rowPx = 28
const headPx = 30
const checkPx = 34
const scrollbarPx = 16
const borderPx = 2

/**
 * A hundred thousand rows: only those in sight are in the page. `j k` move, `x` selects, `X` selects from the last one to here, `c`
 * compares, Enter opens, left and right close and open what is nested.
 */
export function Grid<T>(props: GridProps<T>) {
  const {
    columns,
    rows,
    total,
    rowKey,
    nameOf,
    selected,
    onSelect,
    sort,
    onSort,
    onNeed,
    onTop,
    onNest,
    resetKey,
  } = props
  const frame = useRef<HTMLDivElement>(null)
  const [current, setCurrent] = useState(-1)
  const anchor = useRef(-1)
  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => frame.current,
    estimateSize: () => rowPx,
    overscan: 10,
    scrollPaddingStart: headPx,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const atTop = (items[0]?.index ?? 0) === 0 && (virtual.scrollOffset ?? 0) < rowPx
  useEffect(() => {
    if (last >= rows.length - 40 && rows.length < total) onNeed?.(Math.min(total - 1, last + 40))
  }, [last, rows.length, total, onNeed])
  useEffect(() => onTop?.(atTop), [atTop, onTop])
  useEffect(() => {
    frame.current?.scrollTo({ top: 0 })
    setCurrent(-1)
  }, [resetKey])

  const keysOf = useCallback(
    (from: number, to: number) =>
      rows.slice(Math.max(0, Math.min(from, to)), Math.max(from, to) + 1).map((row) => rowKey(row.item)),
    [rows, rowKey],
  )
  const select = useCallback(
    (index: number, range: boolean) => {
      const next = new Set(selected)
      if (range && anchor.current >= 0) for (const key of keysOf(anchor.current, index)) next.add(key)
      else for (const key of keysOf(index, index)) if (!next.delete(key)) next.add(key)
      anchor.current = index
      onSelect?.(next)
    },
    [selected, keysOf, onSelect],
  )
  // Rows are drawn once: what they call must not change with every selection.
  const latestSelect = useRef(select)
  useEffect(() => {
    latestSelect.current = select
  })
  const onRowSelect = useCallback((index: number, range: boolean) => latestSelect.current(index, range), [])

  const move = (to: number) => {
    const index = Math.max(0, Math.min(total - 1, to))
    setCurrent(index)
    virtual.scrollToIndex(index)
  }
  const page = Math.max(1, Math.floor(((frame.current?.clientHeight ?? 400) - headPx) / rowPx) - 1)
  const act = (key: string): boolean => {
    const row = rows[current]
    if (key === 'j' || key === 'ArrowDown') move(current + 1)
    else if (key === 'k' || key === 'ArrowUp') move(current - 1)
    else if (key === 'PageDown') move(current + page)
    else if (key === 'PageUp') move(current - page)
    else if (key === 'Home') move(0)
    else if (key === 'End') move(total - 1)
    else if (key === 'c' && selected.size > 1) props.onCompare?.()
    else if (key === 'x' && row) select(current, false)
    else if (key === 'X' && row) select(current, true)
    else if (key === 'Enter' && row) props.onOpen(row.item)
    else if (key === 'ArrowRight' && row?.open === false) onNest?.(row.item, true)
    else if (key === 'ArrowLeft' && row?.open === true) onNest?.(row.item, false)
    else return false
    return true
  }
  useGridKeys(act, frame)

  const layout = useMemo(() => layoutOf(columns), [columns])
  const sideways = layout.template.minWidth > (virtual.scrollRect?.width ?? Infinity)
  const all = rows.length > 0 && rows.every((row) => selected.has(rowKey(row.item)))
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target === event.currentTarget && act(event.key)) event.preventDefault()
  }
  return (
    <div
      ref={frame}
      className={styles['grid']}
      role="grid"
      aria-label={props.label}
      aria-busy={props.busy ?? false}
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 1}
      {...(onSelect && { 'aria-multiselectable': true })}
      aria-activedescendant={
        current >= 0 && items.some((item) => item.index === current) ? `row-${current}` : undefined
      }
      tabIndex={0}
      style={{
        height: `min(var(--grid-height), ${total * rowPx + headPx + (sideways ? scrollbarPx : borderPx)}px)`,
      }}
      onKeyDown={onKeyDown}
    >
      <div role="row" aria-rowindex={1} className={styles['head']} style={layout.template}>
        <span role="columnheader" className={`${styles['check']} ${styles['pinned']}`} style={{ left: 0 }}>
          {onSelect && (
            <input
              type="checkbox"
              aria-label="Select all that are loaded"
              checked={all}
              onChange={() => onSelect?.(all ? new Set() : new Set(rows.map((row) => rowKey(row.item))))}
            />
          )}
        </span>
        {columns.map((column, index) => (
          <GridHead key={column.id} column={column} left={layout.lefts[index]} sort={sort} onSort={onSort} />
        ))}
      </div>
      <div role="rowgroup" className={styles['body']} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index]
          if (row === undefined) return <Waiting key={`waiting-${item.index}`} top={item.start} />
          const key = rowKey(row.item)
          return (
            <Row
              key={key}
              index={item.index}
              top={item.start}
              row={row}
              name={nameOf(row.item)}
              columns={columns as GridColumn<unknown>[]}
              layout={layout}
              selected={selected.has(key)}
              current={item.index === current}
              selectable={onSelect !== undefined}
              onSelect={onRowSelect}
              onCurrent={setCurrent}
            />
          )
        })}
      </div>
    </div>
  )
}

interface Layout {
  template: { gridTemplateColumns: string; minWidth: number }
  /** Where a pinned column stands, from the left. */
  lefts: (number | undefined)[]
}

function layoutOf(columns: { width: readonly [number, number]; pinned?: boolean }[]): Layout {
  let left = checkPx
  const lefts = columns.map((column) => {
    if (!column.pinned) return undefined
    const here = left
    left += column.width[0]
    return here
  })
  const tracks = columns.map(({ width: [min, grow], pinned }) =>
    grow === 0 || pinned ? `${min}px` : `minmax(${min}px, ${grow}fr)`,
  )
  return {
    template: {
      gridTemplateColumns: [`${checkPx}px`, ...tracks].join(' '),
      minWidth: columns.reduce((sum, { width: [min] }) => sum + min, checkPx),
    },
    lefts,
  }
}

/** The place of a row that is still on its way. */
function Waiting({ top }: { top: number }) {
  return (
    <div
      role="presentation"
      className={`${styles['row']} ${styles['waiting']}`}
      style={{ transform: `translateY(${top}px)` }}
    />
  )
}

interface RowProps {
  index: number
  top: number
  row: GridRow<unknown>
  name: string
  columns: GridColumn<unknown>[]
  layout: Layout
  selected: boolean
  current: boolean
  selectable: boolean
  onSelect: (index: number, range: boolean) => void
  onCurrent: (index: number) => void
}

const Row = memo(function Row(props: RowProps) {
  const { index, top, row, columns, layout, selected, current, onSelect } = props
  return (
    <div
      id={`row-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={[styles['row'], selected && styles['selected'], current && styles['current']]
        .filter(Boolean)
        .join(' ')}
      style={{ ...layout.template, transform: `translateY(${top}px)` }}
      onClick={() => props.onCurrent(index)}
    >
      <span role="gridcell" className={`${styles['check']} ${styles['pinned']}`} style={{ left: 0 }}>
        {props.selectable && (
          <input
            type="checkbox"
            aria-label={`Select ${props.name}`}
            checked={selected}
            onChange={(event) => onSelect(index, (event.nativeEvent as MouseEvent).shiftKey)}
          />
        )}
      </span>
      {columns.map((column, at) => (
        <span
          key={column.id}
          role="gridcell"
          className={cellLook(column)}
          style={{
            ...(layout.lefts[at] !== undefined && { left: layout.lefts[at] }),
            ...(at === 0 && row.depth > 0 && { paddingLeft: 10 + 18 * row.depth }),
          }}
        >
          {column.cell(row.item)}
        </span>
      ))}
    </div>
  )
})

function cellLook(column: { number?: boolean; pinned?: boolean }): string {
  return [styles['cell'], column.number && styles['number'], column.pinned && styles['pinned']]
    .filter(Boolean)
    .join(' ')
}

function GridHead<T>({
  column,
  left,
  sort,
  onSort,
}: {
  column: GridColumn<T>
  left: number | undefined
  sort: string
  onSort: (id: string) => void
}) {
  const direction =
    sort === `${column.id} asc` ? 'ascending' : sort === `${column.id} desc` ? 'descending' : 'none'
  const arrow = direction === 'ascending' ? '↑' : direction === 'descending' ? '↓' : ''
  return (
    <span
      role="columnheader"
      title={column.title ?? column.name}
      className={cellLook(column)}
      style={left === undefined ? {} : { left }}
      {...(column.sortable ? { 'aria-sort': direction } : {})}
    >
      {column.sortable ? (
        <button type="button" onClick={() => onSort(column.id)}>
          {arrow} {column.name}
        </button>
      ) : (
        column.name
      )}
    </span>
  )
}
