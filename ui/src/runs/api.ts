import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { at, base, post, request, search, send } from '../api.ts'
import type { RunColumns, RunComparison, RunCurve, DetailedRun, RunTable, SavedView } from './answers.ts'

/** What decides which runs a table has, and which of their values. */
export interface TableQuery {
  experimentId: string
  filter: string
  lifecycle: 'active' | 'deleted'
  roots: boolean
  sort: string
  /** Written `metric:auc`; undefined leaves the choice to the server. */
  columns: readonly string[] | undefined
}

interface PageParam {
  pageToken?: string
  /** What the server chose for the first page holds for the others. */
  columns?: readonly string[] | undefined
}

const firstPage = 200
const nextPages = 1000

/** Pages are never fetched again by themselves: events change single rows in place. */
export function runTable(query: TableQuery) {
  return infiniteQueryOptions({
    queryKey: ['run-table', query],
    queryFn: ({ pageParam }: { pageParam: PageParam }) =>
      request<RunTable>(
        `/run-table${search({
          ...searchOf(query),
          ...shownOf({ ...query, columns: query.columns ?? pageParam.columns }),
          limit: pageParam.pageToken === undefined ? firstPage : nextPages,
          pageToken: pageParam.pageToken,
        })}`,
      ),
    initialPageParam: {},
    getNextPageParam: (page): PageParam | undefined =>
      page.nextPageToken === undefined
        ? undefined
        : { pageToken: page.nextPageToken, columns: page.columns.map(({ kind, key }) => `${kind}:${key}`) },
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  })
}

export function runCount(query: TableQuery) {
  return queryOptions({
    queryKey: ['run-table', 'count', searchOf(query)],
    queryFn: () => request<{ runs: number }>(`/run-table/count${search(searchOf(query))}`),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  })
}

/** The rows of some runs as this table shows them; those that it has not are left out. */
export function rowsOf(
  query: TableQuery,
  runIds: readonly string[],
  columns: readonly string[],
): Promise<RunTable> {
  const rest = { ...shownOf({ sort: '', columns }), runs: runIds.join(','), limit: 1000 }
  return request(`/run-table${search({ ...searchOf({ ...query, roots: false }), ...rest })}`)
}

export function nestedRuns(query: TableQuery, parent: string, columns: readonly string[]) {
  const path = `/run-table${search({ ...searchOf({ ...query, roots: false, filter: '' }), ...shownOf({ ...query, columns }), parent, limit: 1000 })}`
  return queryOptions({
    queryKey: ['run-table', 'nested', parent, path],
    queryFn: () => request<RunTable>(path),
    staleTime: Infinity,
  })
}

export function runColumns(experimentId: string, containing: string) {
  return queryOptions({
    queryKey: ['run-columns', experimentId, containing],
    queryFn: () => request<RunColumns>(`/run-table/columns${search({ experimentId, containing })}`),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  })
}

export function csvHref(query: TableQuery): string {
  return `${base}/api/v1/run-table/csv${search({ ...searchOf(query), ...shownOf(query) })}`
}

/** A run's own page: what was shown for another run must never stand under its name. */
export function runDetail(id: string) {
  const path = `/runs/${at(id)}`
  return queryOptions({ queryKey: ['tracking', path], queryFn: () => request<DetailedRun>(path) })
}

export function runCurves(runIds: readonly string[], key: string) {
  const path = `/run-curves${search({ runs: runIds.join(','), key })}`
  return queryOptions({
    queryKey: ['tracking', path],
    queryFn: () => request<{ curves: RunCurve[] }>(path),
    placeholderData: keepPreviousData,
    enabled: runIds.length > 0,
  })
}

export function runComparison({ runs, parent }: { runs: string; parent: string }) {
  const path = `/run-comparison${search({ runs: parent === '' ? runs : '', parent })}`
  return queryOptions({
    queryKey: ['tracking', path],
    queryFn: () => request<RunComparison>(path),
    placeholderData: keepPreviousData,
    enabled: runs !== '' || parent !== '',
  })
}

export function savedViews() {
  return queryOptions({
    queryKey: ['saved-views'],
    queryFn: () => request<{ items: SavedView[] }>('/saved-views'),
  })
}
export const saveView = (name: string, query: string) => post<SavedView>('/saved-views', { name, query })
export const deleteSavedView = (id: string) => send('DELETE', `/saved-views/${at(id)}`)

export const setRunsLifecycle = (runIds: readonly string[], lifecycle: 'active' | 'deleted') =>
  post<{ changed: number }>('/run-table/lifecycle', { runIds, lifecycle })

export const tagRuns = (
  runIds: readonly string[],
  change: { set?: { key: string; value: string }[]; remove?: string[] },
) => post('/run-table/tags', { runIds, ...change })

function searchOf({ experimentId, filter, lifecycle, roots }: TableQuery) {
  return {
    experimentId,
    filter,
    lifecycle: lifecycle === 'active' ? undefined : lifecycle,
    roots: roots ? 'true' : undefined,
  }
}

function shownOf({ sort, columns }: Pick<TableQuery, 'sort' | 'columns'>) {
  const [, field, key, direction] = /^(\w+):(.+) (asc|desc)$/.exec(sort) ?? []
  return {
    columns: columns && JSON.stringify(columns),
    orderBy:
      field === undefined ? undefined : JSON.stringify([{ field, key, descending: direction === 'desc' }]),
  }
}
