import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from '../api.ts'
import { Loaded } from './Loaded.tsx'
import { Page } from './Page.tsx'
import styles from './Page.module.css'

interface LoadedPageProps<T> {
  query: UseQueryResult<T>
  /** What the page is about, for when it can't be shown. */
  title: string
  /** The list that it belongs to. */
  of?: { label: string; href: string }
  children: (data: T) => ReactNode
}

/** A page about one thing. Where that can't be had, it is still a page: with a title, and the way to the others. */
export function LoadedPage<T>({ query, title, of, children }: LoadedPageProps<T>) {
  if (query.data !== undefined) return children(query.data)
  if (query.isPending)
    return (
      <div className={styles['page']}>
        <Loaded query={query}>{children}</Loaded>
      </div>
    )
  const missing = query.error instanceof ApiError && query.error.code === 'not_found'
  return (
    <Page title={missing ? 'Not found' : title} crumbs={of ? [of] : []}>
      <Loaded query={query}>{children}</Loaded>
    </Page>
  )
}
