import type { ReactNode } from 'react'
import styles from './Grid.module.css'

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

const checkPx = 34

export interface Layout {
  template: { gridTemplateColumns: string; minWidth: number }
  /** Where a pinned column stands, from the left. */
  lefts: (number | undefined)[]
}

export function layoutOf(columns: { width: readonly [number, number]; pinned?: boolean }[]): Layout {
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

export function cellLook(column: { number?: boolean; pinned?: boolean }): string {
  return [styles['cell'], column.number && styles['number'], column.pinned && styles['pinned']]
    .filter(Boolean)
    .join(' ')
}
