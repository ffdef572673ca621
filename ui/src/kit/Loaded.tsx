import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from '../api.ts'
import { Button } from './Button.tsx'
import styles from './Loaded.module.css'
import { StateIcon } from './State.tsx'

/** Shows what is known. Only the very first load says "Loading", and only when it takes long enough to notice. */
export function Loaded<T>({
  query,
  children,
}: {
  query: UseQueryResult<T>
  children: (data: T) => ReactNode
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.isPending) return <p className={styles['waiting']}>Loading…</p>
  const missing = query.error instanceof ApiError && query.error.code === 'not_found'
  return (
    <div role="alert" className={`${styles['error']} ${missing ? styles['missing'] : ''}`}>
      <StateIcon mood={missing ? 'idle' : 'bad'} />
      <span>{messageOf(query.error)}</span>
      {!missing && <Button onPress={() => void query.refetch()}>Try again</Button>}
    </div>
  )
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
