import { useCallback, useEffect, useRef } from 'react'

interface Selectable<T> {
  rows: { item: T }[]
  rowKey: (item: T) => string
  selected: ReadonlySet<string>
  onSelect?: ((keys: ReadonlySet<string>) => void) | undefined
}

/** Selects a row or takes it out; with `range` all from the last one to it. Stays the same function, since rows are drawn once. */
export function useGridSelection<T>({ rows, rowKey, selected, onSelect }: Selectable<T>) {
  const anchor = useRef(-1)
  const select = (index: number, range: boolean) => {
    const isRange = range && anchor.current >= 0
    const from = isRange ? anchor.current : index
    const keys = rows
      .slice(Math.max(0, Math.min(from, index)), Math.max(from, index) + 1)
      .map(({ item }) => rowKey(item))
    const next = new Set(selected)
    for (const key of keys) if (isRange || !next.delete(key)) next.add(key)
    anchor.current = index
    onSelect?.(next)
  }
  const latest = useRef(select)
  useEffect(() => {
    latest.current = select
  })
  return useCallback((index: number, range: boolean) => latest.current(index, range), [])
}
