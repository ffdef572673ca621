import { queryOptions } from '@tanstack/react-query'
import { request, search } from '../api.ts'
import type { Direction, Lineage } from './answers.ts'

export interface LineageAsk {
  kind: string
  id: string
  direction: Direction
}

export function lineage({ kind, id, direction }: LineageAsk) {
  const path = `/lineage${search({ kind, id, direction })}`
  return queryOptions({ queryKey: ['lineage', path], queryFn: () => request<Lineage>(path) })
}

/** The page of a node’s lineage. */
export function lineageHref(kind: string, id: string, direction: Direction = 'both'): string {
  return `/lineage${search({ kind, id, direction: direction === 'both' ? undefined : direction })}`
}
