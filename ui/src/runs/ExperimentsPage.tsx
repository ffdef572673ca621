import { keepPreviousData, queryOptions, useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import type { Page as Items } from '../answers.ts'
import { at, post, queryClient, request, search, send } from '../api.ts'
import { count } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Grid } from '../kit/Grid.tsx'
import type { GridColumn } from '../kit/grid-layout.ts'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Overlay } from '../kit/Overlay.tsx'
import { Page } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import styles from './RunsPage.module.css'

// Brings React Aria, which nobody needs before something is to be deleted.
const ConfirmDialog = lazy(async () => ({
  default: (await import('../kit/ConfirmDialog.tsx')).ConfirmDialog,
}))

interface Experiment {
  id: string
  name: string
  isDefault: boolean
  tags: { key: string; value: string }[]
  createdMs: number
  runs: number
  lastRunMs?: number
  note: string
}

type Lifecycle = 'active' | 'deleted'

function experimentTable(containing: string, lifecycle: Lifecycle) {
  const path = `/experiment-table${search({ containing, lifecycle, limit: 1000 })}`
  return queryOptions({
    queryKey: ['experiments', path],
    queryFn: () => request<Items<Experiment>>(path),
    placeholderData: keepPreviousData,
  })
}

/** What is being tried, and where did anything happen last? */
export function ExperimentsPage() {
  const [containing, setContaining] = useParam('containing', '')
  const [show, setShow] = useParam('show', 'active')
  const [chosen, setChosen] = useParam('selected', '')
  const lifecycle = show === 'deleted' ? 'deleted' : 'active'
  const query = useQuery(experimentTable(containing, lifecycle))
  const selected = useMemo(() => new Set(chosen.split(',').filter(Boolean)), [chosen])
  const [asked, ask] = useState<
    { what: 'name'; experiment?: Experiment } | { what: 'lifecycle'; experiment: Experiment }
  >()
  const [, go] = useLocation()
  const columns = useMemo(
    () =>
      columnsOf({
        lifecycle,
        onRename: (experiment) => ask({ what: 'name', experiment }),
        onLifecycle: (experiment) => ask({ what: 'lifecycle', experiment }),
      }),
    [lifecycle],
  )
  const runsOfSelected = () => go(`/runs?experiment=${[...selected].join(',')}`)
  return (
    <Page
      wide
      title={lifecycle === 'deleted' ? 'Deleted experiments' : 'Experiments'}
      aside={query.data && <span className={styles['total']}>{count(query.data.items.length)}</span>}
      actions={
        <>
          <Button onPress={runsOfSelected} disabled={selected.size === 0}>
            Runs of {selected.size === 0 ? 'the selected' : selected.size}
          </Button>
          <Button
            pressed={lifecycle === 'deleted'}
            onPress={() => setShow(lifecycle === 'deleted' ? 'active' : 'deleted')}
          >
            Deleted
          </Button>
          <Button look="primary" onPress={() => ask({ what: 'name' })}>
            New experiment
          </Button>
        </>
      }
    >
      <div className={styles['bar']}>
        <input
          data-filter
          className={styles['filter']}
          aria-label="Find an experiment"
          placeholder="Find by name"
          value={containing}
          onChange={(event) => setContaining(event.target.value)}
        />
      </div>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState
              what={
                containing === ''
                  ? 'There is no such experiment. A script makes one by naming it:'
                  : `No experiment has “${containing}” in its name.`
              }
              {...(containing === '' && {
                code: "mlflow.set_experiment('late-flights')\ntidemill exec --experiment late-flights -- python train.py",
              })}
            />
          ) : (
            <Grid<Experiment>
              label="Experiments"
              columns={columns}
              rows={items.map((item) => ({ item, depth: 0 }))}
              total={items.length}
              rowKey={(experiment) => experiment.id}
              nameOf={(experiment) => experiment.name}
              onOpen={(experiment) => go(`/runs?experiment=${experiment.id}`)}
              selected={selected}
              onSelect={(ids) => setChosen([...ids].join(','))}
              sort=""
              onSort={() => {}}
            />
          )
        }
      </Loaded>
      {asked?.what === 'name' && (
        <NameDialog
          {...(asked.experiment && { experiment: asked.experiment })}
          onClose={() => ask(undefined)}
        />
      )}
      {asked?.what === 'lifecycle' && (
        <Suspense>
          <LifecycleDialog
            experiment={asked.experiment}
            lifecycle={lifecycle}
            onClose={() => ask(undefined)}
          />
        </Suspense>
      )}
    </Page>
  )
}

interface ColumnActions {
  lifecycle: Lifecycle
  onRename: (experiment: Experiment) => void
  onLifecycle: (experiment: Experiment) => void
}

function columnsOf({ lifecycle, onRename, onLifecycle }: ColumnActions): GridColumn<Experiment>[] {
  const deleted = lifecycle === 'deleted'
  return [
    {
      id: 'name',
      name: 'Experiment',
      width: [200, 1],
      pinned: true,
      cell: (experiment) => (
        <Link className={styles['name'] ?? ''} href={`/runs?experiment=${experiment.id}`}>
          {experiment.name}
        </Link>
      ),
    },
    { id: 'runs', name: 'Runs', width: [70, 0], number: true, cell: (experiment) => count(experiment.runs) },
    {
      id: 'last',
      name: 'Last run',
      width: [120, 0],
      cell: (experiment) =>
        experiment.lastRunMs === undefined ? <Quiet>none yet</Quiet> : <Time ms={experiment.lastRunMs} />,
    },
    {
      id: 'created',
      name: 'Created',
      width: [120, 0],
      cell: (experiment) => <Time ms={experiment.createdMs} />,
    },
    {
      id: 'note',
      name: 'Description',
      width: [150, 2],
      cell: (experiment) => <span title={experiment.note}>{experiment.note.split('\n')[0]}</span>,
    },
    {
      id: 'tags',
      name: 'Tags',
      width: [120, 1],
      cell: (experiment) =>
        experiment.tags
          .filter(({ key }) => !key.startsWith('mlflow.'))
          .map(({ key, value }) => `${key} ${value}`)
          .join(', '),
    },
    {
      id: 'change',
      name: 'Change',
      width: [136, 0],
      cell: (experiment) => (
        <span className={styles['rowActions']}>
          {!deleted && (
            <button
              type="button"
              aria-label={`Rename ${experiment.name}`}
              onClick={() => onRename(experiment)}
            >
              Rename
            </button>
          )}
          {!experiment.isDefault && (
            <button
              type="button"
              aria-label={`${deleted ? 'Restore' : 'Delete'} ${experiment.name}`}
              onClick={() => onLifecycle(experiment)}
            >
              {deleted ? 'Restore' : 'Delete'}
            </button>
          )}
        </span>
      ),
    },
  ]
}

function NameDialog({ experiment, onClose }: { experiment?: Experiment; onClose: () => void }) {
  const [name, setName] = useState(experiment?.name ?? '')
  const save = useMutation({
    mutationFn: () =>
      experiment === undefined
        ? post('/experiments', { name })
        : send('PATCH', `/experiments/${at(experiment.id)}`, { name }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['experiments'] })
      onClose()
    },
  })
  const title = experiment === undefined ? 'New experiment' : `Rename ${experiment.name}`
  return (
    <Overlay label={title} onClose={onClose}>
      <form
        className={styles['views']}
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() !== '') save.mutate()
        }}
      >
        <h2>{title}</h2>
        <div className={styles['saveView']}>
          <input
            aria-label="Name"
            value={name}
            maxLength={500}
            onChange={(event) => setName(event.target.value)}
          />
          <Button submit look="primary" onPress={() => {}} disabled={name.trim() === '' || save.isPending}>
            {experiment === undefined ? 'Create' : 'Rename'}
          </Button>
        </div>
        {save.isError && <p role="alert">{messageOf(save.error)}</p>}
      </form>
    </Overlay>
  )
}

function LifecycleDialog({
  experiment,
  lifecycle,
  onClose,
}: {
  experiment: Experiment
  lifecycle: Lifecycle
  onClose: () => void
}) {
  const deleted = lifecycle === 'deleted'
  return (
    <ConfirmDialog
      title={`${deleted ? 'Restore' : 'Delete'} ${experiment.name}?`}
      text={
        deleted
          ? 'It comes back with the runs that were deleted with it.'
          : `Its ${count(experiment.runs)} runs are deleted with it. Both can be restored.`
      }
      verb={deleted ? 'Restore' : 'Delete'}
      askReason={false}
      harmless={deleted}
      onConfirm={() =>
        post(`/experiments/${at(experiment.id)}/lifecycle`, { lifecycle: deleted ? 'active' : 'deleted' })
      }
      onClose={onClose}
    />
  )
}
