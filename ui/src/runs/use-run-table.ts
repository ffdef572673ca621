import { type InfiniteData, useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { queryClient } from '../api.ts'
import type { GridRow } from '../kit/grid-layout.ts'
import { useRunChanges } from '../live.ts'
import type { RunTableRow, RunTable } from './answers.ts'
import { nestedRuns, rowsOf, runCount, runTable, type TableQuery } from './api.ts'

type Pages = InfiniteData<RunTable>

/** A table of runs that grows as it is scrolled, and whose rows change in place when the server tells that their runs did. */
export function useRunTable(query: TableQuery, open: ReadonlySet<string>, atTop: () => boolean) {
  const pages = useInfiniteQuery(runTable(query))
  const counted = useQuery(runCount(query)).data?.runs
  const lastGood = useRef<Pages | undefined>(undefined)
  useEffect(() => {
    if (pages.data) lastGood.current = pages.data
  }, [pages.data])
  const data = pages.data ?? lastGood.current
  const loaded = useMemo(() => data?.pages.flatMap((page) => page.rows) ?? [], [data])
  const columns = data?.pages[0]?.columns
  const columnTexts = useMemo(() => (columns ?? []).map(({ kind, key }) => `${kind}:${key}`), [columns])
  const nested = useNested(query, open, columnTexts)
  const rows = useMemo(() => flatten(loaded, nested, open, query.roots), [loaded, nested, open, query.roots])
  const fresh = useFresh(query, columnTexts, atTop)
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = pages
  const need = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  const more = hasNextPage ? Math.max(1, (counted ?? 0) - loaded.length) : 0
  return {
    rows,
    columns: columns ?? [],
    total: rows.length + more,
    runs: Math.max(counted ?? 0, loaded.length),
    need,
    error: pages.error,
    ready: data !== undefined,
    /** The rows shown are still those of the question before. */
    stale: pages.isPlaceholderData || data !== pages.data,
    ...fresh,
  }
}

/** The children of the runs that are open, each list once. */
function useNested(
  query: TableQuery,
  open: ReadonlySet<string>,
  columns: readonly string[],
): Map<string, RunTableRow[]> {
  const parents = [...open]
  const answers = useQueries({
    queries: parents.map((id) => ({ ...nestedRuns(query, id, columns), enabled: columns.length > 0 })),
  })
  const version = answers.map((answer) => answer.dataUpdatedAt).join()
  return useMemo(
    () => new Map(parents.map((id, index) => [id, answers[index]?.data?.rows ?? []])),
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    [version, parents.join()],
  )
}

function flatten(
  loaded: readonly RunTableRow[],
  nested: ReadonlyMap<string, RunTableRow[]>,
  open: ReadonlySet<string>,
  tree: boolean,
): GridRow<RunTableRow>[] {
  if (!tree) return loaded.map((item) => ({ item, depth: 0 }))
  const rows: GridRow<RunTableRow>[] = []
  const seen = new Set<string>()
  const add = (item: RunTableRow, depth: number): void => {
    if (seen.has(item.id)) return
    seen.add(item.id)
    rows.push(item.children > 0 ? { item, depth, open: open.has(item.id) } : { item, depth })
    if (open.has(item.id)) for (const child of nested.get(item.id) ?? []) add(child, depth + 1)
  }
  for (const item of loaded) add(item, 0)
  return rows
}

/** Runs that changed are read again by their ids; new ones slide in at the top of a list that is read from there, or are counted. */
function useFresh(query: TableQuery, columns: readonly string[], atTop: () => boolean) {
  const [waiting, setWaiting] = useState<ReadonlySet<string>>(new Set())
  const key = useMemo(() => runTable(query).queryKey, [query])
  useEffect(() => setWaiting(new Set()), [key])
  const read = useCallback(
    async (changed: readonly string[]): Promise<void> => {
      const before = queryClient.getQueryData<Pages>(key)
      const first = before?.pages[0]
      if (!before || !first || query.lifecycle === 'deleted') return
      const known = new Set(before.pages.flatMap((page) => page.rows.map((row) => row.id)))
      const { rows } = await rowsOf(query, changed, columns)
      const now = new Map(rows.map((row) => [row.id, row]))
      const made = rows.filter((row) => !known.has(row.id) && row.createdMs >= first.atMs)
      const roots = query.roots ? made.filter((row) => row.parentRunId === undefined) : made
      const slideIn = query.sort === '' && atTop()
      const ids = new Set(changed)
      queryClient.setQueryData<Pages>(key, (pages) => pages && patched(pages, ids, now, slideIn ? roots : []))
      await refreshParents(query, known, made, columns, key)
      queryClient.setQueriesData<RunTable>(
        { queryKey: ['run-table', 'nested'] },
        (table) => table && { ...table, rows: table.rows.map((row) => now.get(row.id) ?? row) },
      )
      if (roots.length === 0) return
      if (slideIn) {
        queryClient.setQueryData<{ runs: number }>(
          runCount(query).queryKey,
          (count) => count && { runs: count.runs + roots.length },
        )
      } else setWaiting((earlier) => new Set([...earlier, ...roots.map((row) => row.id)]))
    },
    [query, columns, key, atTop],
  )
  useRunChanges(read)
  const [shown, setShown] = useState(0)
  const showFresh = useCallback(() => {
    setWaiting(new Set())
    setShown((times) => times + 1)
    void queryClient.resetQueries({ queryKey: ['run-table'] })
  }, [])
  return {
    fresh: waiting.size,
    showFresh,
    /** How often new runs were asked for: they are at the top. */
    shown,
  }
}

/** A run that has a new child is read again for its count, and its open list too. */
async function refreshParents(
  query: TableQuery,
  known: ReadonlySet<string>,
  made: readonly RunTableRow[],
  columns: readonly string[],
  key: readonly unknown[],
): Promise<void> {
  if (!query.roots) return
  const parents = [
    ...new Set(made.flatMap((row) => (row.parentRunId === undefined ? [] : [row.parentRunId]))),
  ]
  for (const id of parents) void queryClient.invalidateQueries({ queryKey: ['run-table', 'nested', id] })
  const shown = parents.filter((id) => known.has(id))
  if (shown.length === 0) return
  const { rows } = await rowsOf(query, shown, columns)
  const now = new Map(rows.map((row) => [row.id, row]))
  queryClient.setQueryData<Pages>(key, (pages) => pages && patched(pages, new Set(now.keys()), now, []))
}

/** The pages with the changed rows in place; what is gone or matches no more is left out. Pages without a change stay the same objects. */
function patched(
  pages: Pages,
  changed: ReadonlySet<string>,
  now: ReadonlyMap<string, RunTableRow>,
  added: readonly RunTableRow[],
): Pages {
  return {
    ...pages,
    pages: pages.pages.map((page, index) => {
      const touched = page.rows.some((row) => changed.has(row.id))
      if (!touched && (index > 0 || added.length === 0)) return page
      const kept = page.rows.flatMap((row) => (changed.has(row.id) ? (now.get(row.id) ?? []) : row))
      return { ...page, rows: index === 0 ? [...added, ...kept] : kept }
    }),
  }
}
