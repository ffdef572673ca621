import { useQuery } from '@tanstack/react-query'
import { Columns3, Download, ListTree, Trash2 } from 'lucide-react'
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { experiments } from '../api.ts'
import { count } from '../format.ts'
import { Button, ButtonLink } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Grid } from '../kit/Grid.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import type { RunTableRow } from './answers.ts'
import { csvHref, type TableQuery } from './api.ts'
import { ColumnChooser } from './ColumnChooser.tsx'
import { compareHref } from './compare-address.ts'
import { FilterBox, FilterProblem, isFilterError } from './FilterBox.tsx'
import styles from './RunsPage.module.css'
import { SavedViews } from './SavedViews.tsx'
import { tableColumns } from './table-columns.tsx'
import { useTableState } from './table-state.ts'
import { useRunTable } from './use-run-table.ts'

// Its dialogs bring React Aria, which nobody needs before something is selected.
const BulkBar = lazy(async () => ({ default: (await import('./BulkBar.tsx')).BulkBar }))

/** Which run is best, and why? */
export function RunsPage() {
  const state = useTableState()
  const { query, chosen, pinned, open, selected, setSelected } = state
  const atTop = useRef(true)
  const table = useRunTable(
    query,
    open,
    useCallback(() => atTop.current, []),
  )
  const names = useExperimentNames()
  const [choosing, setChoosing] = useState(false)
  const [, go] = useLocation()
  const nest = useRef(state.setNested)
  nest.current = state.setNested
  const columns = useMemo(
    () =>
      tableColumns({
        chosen,
        pinned,
        answered: table.columns,
        tree: query.roots,
        isOpen: (id) => open.has(id),
        onNest: (run) => nest.current(run.id, !open.has(run.id)),
        experimentName: (id) => names.get(id) ?? id,
      }),
    [chosen, pinned, table.columns, query.roots, open, names],
  )
  const compare = () => go(compareHref([...selected], query.sort))
  const searched = query.filter !== '' || query.experimentId !== ''
  return (
    <Page
      wide
      title={query.lifecycle === 'deleted' ? 'Deleted runs' : 'Runs'}
      aside={table.ready && <span className={styles['total']}>{count(table.runs)}</span>}
      actions={<Actions state={state} query={query} onColumns={() => setChoosing(true)} />}
    >
      <div className={styles['bar']}>
        <FilterBox value={query.filter} onChange={state.setFilter} />
        <ExperimentChoice value={query.experimentId} names={names} onChange={state.setExperiment} />
      </div>
      {isFilterError(table.error) ? (
        <FilterProblem error={table.error} text={query.filter} />
      ) : (
        table.error !== null && (
          <p role="alert" className={styles['error']}>
            {messageOf(table.error)}
          </p>
        )
      )}
      <Suspense>
        {selected.size > 0 && (
          <BulkBar
            selected={selected}
            deleted={query.lifecycle === 'deleted'}
            onCompare={compare}
            onClear={() => setSelected(new Set())}
          />
        )}
      </Suspense>
      {table.ready && table.rows.length === 0 && !isFilterError(table.error) ? (
        <NoRuns searched={searched} deleted={query.lifecycle === 'deleted'} />
      ) : (
        <div className={styles['table']} hidden={!table.ready}>
          {table.fresh > 0 && (
            <button type="button" className={styles['fresh']} onClick={table.showFresh}>
              {table.fresh} new
            </button>
          )}
          <Grid<RunTableRow>
            label="Runs"
            columns={columns}
            rows={table.rows}
            total={table.total}
            busy={table.stale}
            rowKey={keyOf}
            nameOf={nameOf}
            onOpen={(run) => go(`/runs/${run.id}`)}
            selected={selected}
            onSelect={setSelected}
            onCompare={compare}
            onNest={(run, wanted) => state.setNested(run.id, wanted)}
            sort={query.sort}
            onSort={state.setSort}
            onNeed={table.need}
            onTop={(now) => void (atTop.current = now)}
            resetKey={`${query.experimentId} ${query.filter} ${query.sort} ${query.lifecycle} ${table.shown}`}
          />
        </div>
      )}
      {choosing && (
        <ColumnChooser
          experimentId={query.experimentId}
          chosen={chosen ?? columns.slice(1).map(({ id }) => id)}
          pinned={pinned}
          onChange={state.setColumns}
          onClose={() => setChoosing(false)}
        />
      )}
    </Page>
  )
}

const keyOf = (run: RunTableRow) => run.id
const nameOf = (run: RunTableRow) => run.name

function Actions({
  state,
  query,
  onColumns,
}: {
  state: ReturnType<typeof useTableState>
  query: TableQuery
  onColumns: () => void
}) {
  const deleted = query.lifecycle === 'deleted'
  return (
    <>
      <Button onPress={onColumns}>
        <Columns3 size={14} aria-hidden /> Columns
      </Button>
      <Button pressed={state.grouped} onPress={() => state.setGrouped(!state.grouped)}>
        <ListTree size={14} aria-hidden /> Nest
      </Button>
      <Button pressed={deleted} onPress={() => state.setDeleted(!deleted)}>
        <Trash2 size={14} aria-hidden /> Deleted
      </Button>
      <SavedViews />
      <ButtonLink download href={csvHref(query)}>
        <Download size={14} aria-hidden /> CSV
      </ButtonLink>
    </>
  )
}

function useExperimentNames(): ReadonlyMap<string, string> {
  const items = useQuery(experiments()).data?.items
  return useMemo(() => new Map((items ?? []).map(({ id, name }) => [id, name])), [items])
}

function ExperimentChoice({
  value,
  names,
  onChange,
}: {
  value: string
  names: ReadonlyMap<string, string>
  onChange: (value: string) => void
}) {
  const several = value.includes(',')
  return (
    <select aria-label="Experiment" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">All experiments</option>
      {several && <option value={value}>{value.split(',').length} experiments</option>}
      {[...names].map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  )
}

function NoRuns({ searched, deleted }: { searched: boolean; deleted: boolean }) {
  if (searched)
    return (
      <EmptyState
        what="No run matches this filter."
        code={
          "metrics.auc > 0.64 and (params.learner = 'trees' or tags.team = 'delays')\nstatus = 'FAILED' and started > -7d"
        }
      />
    )
  if (deleted) return <EmptyState what="No run is deleted. Runs that are can be restored from here." />
  return (
    <EmptyState
      what="No run was tracked yet. Any of these makes one:"
      code={
        'tidemill run train-late                 # a pipeline of this project\ntidemill exec -- python train.py        # any script\nMLFLOW_TRACKING_URI=http://127.0.0.1:8433 python train.py'
      }
    />
  )
}
