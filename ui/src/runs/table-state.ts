import { useCallback, useMemo, useState } from 'react'
import { useParam } from '../kit/address.ts'
import type { TableQuery } from './api.ts'

/** An address holds this many selected runs; more live until the page is left. */
const inAddress = 60

/** The whole state of the table of runs, as its address has it. */
export function useTableState() {
  const [experimentId, setExperiment] = useParam('experiment', '')
  const [filter, setFilter] = useParam('filter', '')
  const [sort, writeSort] = useParam('sort', '')
  const [columns, writeColumns] = useParam('columns', '')
  const [pin, writePin] = useParam('pin', '')
  const [openText, writeOpen] = useParam('open', '')
  const [nesting, writeNesting] = useParam('nest', 'yes')
  const [show, writeShow] = useParam('show', 'active')
  const [chosenText, writeChosen] = useParam('selected', '')
  const [many, setMany] = useState<ReadonlySet<string> | undefined>()
  const chosen = useMemo(() => (columns === '' ? undefined : columns.split(',')), [columns])
  const pinned = useMemo(() => new Set(pin.split(',').filter(Boolean)), [pin])
  const open = useMemo(() => new Set(openText.split(',').filter(Boolean)), [openText])
  const selected = useMemo(() => many ?? new Set(chosenText.split(',').filter(Boolean)), [many, chosenText])
  const lifecycle = show === 'deleted' ? 'deleted' : 'active'
  const grouped = nesting === 'yes'
  // What matches a filter, is best by a metric, or is deleted, may be nested in what is not: then the list is flat.
  const byValue = /^(metric|param|tag):/.test(sort)
  const roots = grouped && filter === '' && !byValue && lifecycle === 'active'
  const query = useMemo(
    (): TableQuery => ({
      experimentId,
      filter,
      lifecycle,
      roots,
      sort,
      columns: chosen?.filter((id) => !id.startsWith('attribute:')),
    }),
    [experimentId, filter, lifecycle, roots, sort, chosen],
  )
  const setSelected = useCallback(
    (ids: ReadonlySet<string>) => {
      setMany(ids.size > inAddress ? ids : undefined)
      writeChosen(ids.size > inAddress ? '' : [...ids].join(','))
    },
    [writeChosen],
  )
  return {
    query,
    chosen,
    pinned,
    open,
    selected,
    grouped,
    setExperiment,
    setFilter,
    setSelected,
    setSort: (id: string) =>
      writeSort(sort === `${id} desc` ? `${id} asc` : sort === `${id} asc` ? '' : `${id} desc`),
    setColumns: (ids: readonly string[] | undefined, pins: ReadonlySet<string>) => {
      writeColumns(ids?.join(',') ?? '')
      writePin([...pins].join(','))
    },
    setNested: (id: string, wanted: boolean) => {
      const next = new Set(open)
      if (wanted) next.add(id)
      else next.delete(id)
      writeOpen([...next].join(','))
    },
    setGrouped: (wanted: boolean) => writeNesting(wanted ? 'yes' : 'no'),
    setDeleted: (wanted: boolean) => {
      setSelected(new Set())
      writeShow(wanted ? 'deleted' : 'active')
    },
  }
}
