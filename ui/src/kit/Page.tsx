import { type ReactNode, useEffect } from 'react'
import { Link } from 'wouter'
import styles from './Page.module.css'

interface PageProps {
  title: string
  /** Beside the title: its state in a word. */
  aside?: ReactNode
  crumbs?: { label: string; href: string }[]
  /** The page's answer in a sentence. */
  lede?: ReactNode
  actions?: ReactNode
  /** For tables that need every pixel. */
  wide?: boolean
  children: ReactNode
}

export function Page({ title, aside, crumbs = [], lede, actions, wide = false, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Tidemill`
  }, [title])
  return (
    <div className={`${styles['page']} ${wide ? styles['wide'] : ''}`}>
      <header className={styles['head']}>
        <div>
          {crumbs.length > 0 && (
            <nav aria-label="Breadcrumb" className={styles['crumbs']}>
              {crumbs.map((crumb) => (
                <span key={crumb.href}>
                  <Link href={crumb.href}>{crumb.label}</Link> /{' '}
                </span>
              ))}
            </nav>
          )}
          <h1 className={styles['title']}>
            {title} {aside}
          </h1>
          {lede !== undefined && <p className={styles['lede']}>{lede}</p>}
        </div>
        {actions !== undefined && <div className={styles['actions']}>{actions}</div>}
      </header>
      {children}
    </div>
  )
}

export function Section({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles['section']} aria-label={title}>
      <div className={styles['sectionHead']}>
        <h2 className={styles['sectionTitle']}>{title}</h2>
        {note !== undefined && <div className={styles['note']}>{note}</div>}
      </div>
      {children}
    </section>
  )
}

export function Columns({ children, wide }: { children: ReactNode; wide?: 'left' }) {
  return <div className={`${styles['columns']} ${wide === 'left' ? styles['wideLeft'] : ''}`}>{children}</div>
}
