import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from 'react'
import styles from './Grid.module.css'
import { typing } from './keys.ts'

export interface GridColumn<T> {
  id: string
  name: string
  /** Pixels it has at least, and its part of what is left over. */
  width: readonly [minPx: number, grow: number]
  cell: (row: T) => ReactNode
  number?: boolean
  sortable?: boolean
}

interface GridProps<T> {
  label: string
  columns: GridColumn<T>[]
  rows: T[]
  rowKey: (row: T) => string
  onOpen: (row: T) => void
  selected: ReadonlySet<string>
  onSelect: (keys: ReadonlySet<string>) => void
  onCompare: () => void
  sort: string
  onSort: (columnId: string) => void
  onEnd: () => void
}

const rowPx = 28

/** Ten thousand rows: only the visible ones are in the page. `j k` move, `x` selects, `c` compares, Enter opens. */
export function Grid<T>(props: GridProps<T>) {
  const { columns, rows, rowKey, onOpen, selected, onSelect, onCompare, sort, onSort, onEnd } = props
  const frame = useRef<HTMLDivElement>(null)
  const [current, setCurrent] = useState(-1)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowPx,
    overscan: 12,
    scrollPaddingStart: 30,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 20) onEnd()
  }, [last, rows.length, onEnd])

  const toggle = useCallback(
    (key: string) => {
      const next = new Set(selected)
      if (!next.delete(key)) next.add(key)
      onSelect(next)
    },
    [selected, onSelect],
  )
  const move = (to: number) => {
    const index = Math.max(0, Math.min(rows.length - 1, to))
    setCurrent(index)
    virtual.scrollToIndex(index)
  }
  const act = (key: string): boolean => {
    const row = rows[current]
    if (key === 'j' || key === 'ArrowDown') move(current + 1)
    else if (key === 'k' || key === 'ArrowUp') move(current - 1)
    else if (key === 'c' && selected.size > 1) onCompare()
    else if (key === 'x' && row) toggle(rowKey(row))
    else if (key === 'Enter' && row) onOpen(row)
    else return false
    return true
  }
  useLetterKeys(act, frame)

  const template = {
    gridTemplateColumns: `32px ${columns.map(({ width: [min, grow] }) => (grow === 0 ? `${min}px` : `minmax(${min}px, ${grow}fr)`)).join(' ')}`,
    minWidth: columns.reduce((sum, { width: [min] }) => sum + min, 32),
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target === event.currentTarget && act(event.key)) event.preventDefault()
  }
  return (
    <div
      ref={frame}
      className={styles['grid']}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-multiselectable
      aria-activedescendant={
        current >= 0 && items.some((item) => item.index === current) ? `row-${current}` : undefined
      }
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div role="row" aria-rowindex={1} className={styles['head']} style={template}>
        <span role="columnheader" aria-label="Selected" />
        {columns.map((column) => (
          <GridHead key={column.id} column={column} sort={sort} onSort={onSort} />
        ))}
      </div>
      <div role="rowgroup" className={styles['body']} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index]
          if (row === undefined) return null
          const key = rowKey(row)
          return (
            <div
              key={key}
              id={`row-${item.index}`}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={selected.has(key)}
              className={`${styles['row']} ${item.index === current ? styles['current'] : ''}`}
              style={{ ...template, transform: `translateY(${item.start}px)` }}
              onClick={() => setCurrent(item.index)}
            >
              <span role="gridcell" className={styles['check']}>
                <input
                  type="checkbox"
                  aria-label={`Select ${key}`}
                  checked={selected.has(key)}
                  onChange={() => toggle(key)}
                />
              </span>
              {columns.map((column) => (
                <span
                  key={column.id}
                  role="gridcell"
                  className={`${styles['cell']} ${column.number ? styles['number'] : ''}`}
                >
                  {column.cell(row)}
                </span>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}

function GridHead<T>({
  column,
  sort,
  onSort,
}: {
  column: GridColumn<T>
  sort: string
  onSort: (id: string) => void
}) {
  const direction =
    sort === `${column.id} asc` ? 'ascending' : sort === `${column.id} desc` ? 'descending' : 'none'
  return (
    <span
      role="columnheader"
      className={`${styles['cell']} ${column.number ? styles['number'] : ''}`}
      {...(column.sortable ? { 'aria-sort': direction } : {})}
    >
      {column.sortable ? (
        <button type="button" onClick={() => onSort(column.id)}>
          {column.name} {direction === 'ascending' ? '↑' : direction === 'descending' ? '↓' : ''}
        </button>
      ) : (
        column.name
      )}
    </span>
  )
}

/** Letters work from anywhere on the page, arrows and Enter only inside the grid. */
function useLetterKeys(act: (key: string) => boolean, frame: React.RefObject<HTMLDivElement | null>) {
  const latest = useRef(act)
  useEffect(() => {
    latest.current = act
  })
  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => {
      if (typing(event) || !['j', 'k', 'x', 'c'].includes(event.key)) return
      if (frame.current?.contains(document.activeElement) && document.activeElement === frame.current) return
      if (latest.current(event.key)) {
        event.preventDefault()
        frame.current?.focus({ preventScroll: true })
      }
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [frame])
}
