import { Waves } from 'lucide-react'
import { type ReactNode, useEffect } from 'react'
import styles from './Door.module.css'

/** A page for who is not inside yet. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tidemill`
  }, [title])
  return (
    <main className={styles['door']}>
      <div className={styles['card']}>
        <div className={styles['brand']}>
          <Waves size={18} aria-hidden /> Tidemill
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  )
}
