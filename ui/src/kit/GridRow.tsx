import { memo } from 'react'
import styles from './Grid.module.css'
import { cellLook, type GridColumn, type GridRow, type Layout } from './grid-layout.ts'

/** The place of a row that is still on its way. */
export function Waiting({ top }: { top: number }) {
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

export const Row = memo(function Row(props: RowProps) {
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
