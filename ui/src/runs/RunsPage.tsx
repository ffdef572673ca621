import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useCallback, useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { RunItem } from '../answers.ts'
import { experiments, runPages } from '../api.ts'
import { duration } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Grid, type GridColumn } from '../kit/Grid.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Time } from '../kit/Time.tsx'
import { runColour } from '../palette.ts'
import { commonKeys, metricOf, paramOf, tellingKeys, written } from './facets.ts'
import { parseFilterText } from './filter-text.ts'
import styles from './RunsPage.module.css'

/** Which run is best, and why? */
export function RunsPage() {
  const [experimentId, setExperiment] = useParam('experiment', '')
  const [filter, setFilter] = useParam('filter', '')
  const [sort, setSort] = useParam('sort', '')
  const [chosen, setChosen] = useParam('selected', '')
  const [, go] = useLocation()
  const selected = useMemo(() => new Set(chosen.split(',').filter(Boolean)), [chosen])
  const known = useQuery(experiments())
  const parsed = useMemo(() => attempt(() => parseFilterText(filter)), [filter])
  const query = useInfiniteQuery({
    ...runPages({
      experimentIds: experimentId === '' ? (known.data?.items ?? []).map(({ id }) => id) : [experimentId],
      filter: parsed.value,
      orderBy: orderOf(sort),
      limit: 200,
    }),
    placeholderData: keepPreviousData,
  })
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  const columns = useMemo(() => columnsOf(rows), [rows])
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = query
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  const compare = () => go(`/runs/compare?runs=${[...selected].join(',')}`)
  return (
    <Page
      title="Runs"
      lede="Every training that was tracked, by a pipeline, a script or an MLflow client."
      actions={
        <Button onPress={compare} disabled={selected.size < 2}>
          Compare {selected.size > 0 ? selected.size : ''}
        </Button>
      }
    >
      <div className={styles['bar']}>
        <Filter value={filter} onChange={setFilter} />
        <ExperimentChoice value={experimentId} onChange={setExperiment} />
      </div>
      {parsed.problem !== undefined && (
        <p role="alert" className={styles['error']}>
          {parsed.problem}
        </p>
      )}
      <Loaded query={query}>
        {() =>
          rows.length === 0 ? (
            <NoRuns filtered={filter !== '' || experimentId !== ''} />
          ) : (
            <>
              <Grid
                label="Runs"
                columns={columns}
                rows={rows}
                rowKey={(run) => run.id}
                onOpen={(run) => go(`/runs/${run.id}`)}
                selected={selected}
                onSelect={(keys) => setChosen([...keys].join(','))}
                onCompare={compare}
                sort={sort}
                onSort={(id) => setSort(sort === `${id} desc` ? `${id} asc` : `${id} desc`)}
                onEnd={onEnd}
              />
              <p className={styles['note']}>
                {rows.length} run{rows.length === 1 ? '' : 's'}
                {hasNextPage ? ' loaded, more below' : ''}
              </p>
            </>
          )
        }
      </Loaded>
    </Page>
  )
}

function attempt<T>(work: () => T): { value?: T; problem?: string } {
  try {
    return { value: work() }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

/** "metric:auc desc", as the address has it. */
function orderOf(sort: string) {
  const [, field, key, direction] = /^(\w+):(.+) (asc|desc)$/.exec(sort) ?? []
  return field === undefined || key === undefined
    ? undefined
    : { field, key, descending: direction === 'desc' }
}

function columnsOf(rows: RunItem[]): GridColumn<RunItem>[] {
  const metrics = commonKeys(
    rows.map((run) => run.metrics),
    5,
  )
  const params = tellingKeys(
    rows.map((run) => run.params),
    5,
  )
  return [
    {
      id: 'attribute:name',
      name: 'Run',
      width: [190, 1.4],
      cell: (run) => (
        <>
          <span className={styles['swatch']} style={{ background: runColour(run.id) }} />
          <Link className={styles['name'] ?? ''} href={`/runs/${run.id}`}>
            {run.name}
          </Link>
        </>
      ),
    },
    { id: 'status', name: 'State', width: [96, 0], cell: (run) => <State word={run.status} /> },
    {
      id: 'attribute:startMs',
      name: 'Started',
      width: [112, 0],
      sortable: true,
      cell: (run) => <Time ms={run.startMs} />,
    },
    {
      id: 'took',
      name: 'Took',
      width: [76, 0],
      number: true,
      cell: (run) =>
        run.endMs === undefined || run.endMs === run.startMs ? '' : duration(run.endMs - run.startMs),
    },
    ...metrics.map((key): GridColumn<RunItem> => ({
      id: `metric:${key}`,
      name: key,
      width: [92, 0.6],
      number: true,
      sortable: true,
      cell: (run) => written(metricOf(run, key)),
    })),
    ...params.map((key): GridColumn<RunItem> => ({
      id: `param:${key}`,
      name: key,
      width: [92, 0.6],
      cell: (run) => paramOf(run, key) ?? '',
    })),
  ]
}

function Filter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [draft, setDraft] = useState(value)
  return (
    <form
      style={{ display: 'contents' }}
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        onChange(draft.trim())
      }}
    >
      <input
        data-filter
        className={styles['filter']}
        aria-label="Filter runs"
        placeholder="metrics.auc > 0.64 and params.learner = 'trees'"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => onChange(draft.trim())}
        spellCheck={false}
      />
    </form>
  )
}

function ExperimentChoice({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const items = useQuery(experiments()).data?.items ?? []
  return (
    <select aria-label="Experiment" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">All experiments</option>
      {items.map((experiment) => (
        <option key={experiment.id} value={experiment.id}>
          {experiment.name}
        </option>
      ))}
    </select>
  )
}

function NoRuns({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <EmptyState
      what="No run matches this filter."
      code={"metrics.auc > 0.64 and params.learner = 'trees' and status = 'FINISHED'"}
    />
  ) : (
    <EmptyState
      what="No run was tracked yet. Any of these makes one:"
      code={
        'tidemill run train-late                 # a pipeline of this project\ntidemill exec -- python train.py        # any script\nMLFLOW_TRACKING_URI=http://127.0.0.1:8433 python train.py'
      }
    />
  )
}
