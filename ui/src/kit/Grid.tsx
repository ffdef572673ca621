import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import styles from './Grid.module.css'
import { useGridKeys } from './grid-keys.ts'
import { cellLook, type GridColumn, type GridRow, layoutOf } from './grid-layout.ts'
import { useGridSelection } from './grid-selection.ts'
import { Row, Waiting } from './GridRow.tsx'

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

  const select = useGridSelection({ rows, rowKey, selected, onSelect })

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
              onSelect={select}
              onCurrent={setCurrent}
            />
          )
        })}
      </div>
    </div>
  )
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
