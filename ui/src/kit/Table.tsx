import { type ReactNode, useState } from 'react'
import { count } from '../format.ts'
import { Button } from './Button.tsx'
import fade from './Fade.module.css'
import styles from './Table.module.css'

export interface Column<T> {
  name: string
  /** What stands in its head instead of the name, which then only has to be its own. */
  head?: ReactNode
  cell: (row: T) => ReactNode
  number?: boolean
  wrap?: boolean
}

interface TableProps<T> {
  label: string
  columns: Column<T>[]
  rows: T[]
  rowKey: (row: T) => string
  /** So many are shown until all are asked for. */
  few?: number
}

/** A plain table for tens of rows; `Grid` is for thousands. */
export function Table<T>({ label, columns, rows, rowKey, few = Infinity }: TableProps<T>) {
  const [all, showAll] = useState(false)
  const shown = all ? rows : rows.slice(0, few)
  const look = (column: Column<T>) =>
    [column.number && styles['number'], column.wrap && styles['wrap']].filter(Boolean).join(' ')
  const table = (
    <div className={`${styles['scroll']} ${fade['fade']}`} tabIndex={0} role="region" aria-label={label}>
      <table className={styles['table']}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={look(column)}>
                {column.head ?? column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.name} className={look(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
  if (shown.length === rows.length) return table
  return (
    <>
      {table}
      <Button look="quiet" onPress={() => showAll(true)}>
        Show all {count(rows.length)}
      </Button>
    </>
  )
}

export function Quiet({ children }: { children: ReactNode }) {
  return <span className={styles['quiet']}>{children}</span>
}
