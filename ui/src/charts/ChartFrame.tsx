import { type ReactNode, useState } from 'react'
import styles from './ChartFrame.module.css'
import { useWidth } from './width.ts'

export interface DataTable {
  columns: string[]
  /** Called only when someone opens the table. */
  rows: () => ReactNode[][]
}

interface FrameProps {
  label: string
  /** What the pointer reads, at the right of the caption. */
  reading?: ReactNode
  data: DataTable
  /** The caption is left out where the page's own heading says it. */
  quiet?: boolean
  children: (width: number) => ReactNode
}

/** Around every picture: its name, what the pointer reads, its width, and its numbers as a table. */
export function ChartFrame({ label, reading, data, quiet = false, children }: FrameProps) {
  const [frame, width] = useWidth()
  return (
    <figure
      className={`${styles['figure']} ${quiet ? '' : styles['captioned']}`}
      aria-label={label}
      ref={frame}
    >
      {!quiet && (
        <figcaption className={styles['caption']}>
          <strong title={label}>{label}</strong>
          <span className={styles['reading']}>{reading}</span>
        </figcaption>
      )}
      {width > 0 && children(width)}
      <ShowData data={data} label={label} />
    </figure>
  )
}

export function ShowData({ data, label }: { data: DataTable; label: string }) {
  const [open, setOpen] = useState(false)
  return (
    <details className={styles['data']} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{open ? 'Hide data' : 'Show data'}</summary>
      {open && (
        <div className={styles['tableBox']} tabIndex={0} role="region" aria-label={`Data of ${label}`}>
          <table>
            <thead>
              <tr>
                {data.columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.rows().map((row, at) => (
                // oxlint-disable-next-line react/no-array-index-key
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={data.columns[column]}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}
