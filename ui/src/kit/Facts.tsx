import type { ReactNode } from 'react'
import styles from './Facts.module.css'

export function Facts({ items }: { items: [name: string, value: ReactNode][] }) {
  return (
    <dl className={styles['facts']}>
      {items.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
