import styles from './EmptyState.module.css'

/** A page without data teaches: what would be here, and the lines that fill it. */
export function EmptyState({ what, code }: { what: string; code?: string }) {
  return (
    <div className={styles['empty']}>
      <p>{what}</p>
      {code !== undefined && (
        <pre className={styles['code']} tabIndex={0} aria-label="What fills this page">
          {code}
        </pre>
      )}
    </div>
  )
}
