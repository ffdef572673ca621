import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { describeRun, experiments, queryClient } from '../api.ts'
import { Comments } from '../comments/Comments.tsx'
import { Note } from '../comments/Note.tsx'
import { duration, exact, written } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { LineageSection } from '../lineage/LineageSection.tsx'
import { useWallClock } from '../live.ts'
import { runColour } from '../palette.ts'
import type { DetailedRun } from './answers.ts'
import { runDetail, setRunsLifecycle } from './api.ts'
import { Artifacts } from './Artifacts.tsx'
import { compareHref } from './compare-address.ts'
import { metricValues } from './facets.ts'
import { MetricGroups } from './MetricGroups.tsx'
import styles from './Panels.module.css'
import { Params } from './Params.tsx'
import { RunLog } from './RunLog.tsx'
import { aboutRun } from './run-facts.tsx'
import { Tags } from './Tags.tsx'

const note = 'mlflow.note.content'
const numbersShown = 12

/** What did it do? */
export function RunPage({ id }: { id: string }) {
  const query = useQuery(runDetail(id))
  return (
    <LoadedPage query={query} title="Run" of={{ label: 'Runs', href: '/runs' }}>
      {(data) => <RunView run={data} />}
    </LoadedPage>
  )
}

function RunView({ run }: { run: DetailedRun }) {
  const names = useQuery(experiments()).data?.items
  const experiment =
    names?.find(({ id }) => id === run.experimentId)?.name ?? `Experiment ${run.experimentId}`
  return (
    <Page
      title={run.name}
      aside={
        <>
          <State word={run.lifecycle === 'deleted' ? 'deleted' : run.status} />
          <Took run={run} />
        </>
      }
      crumbs={[
        { label: 'Runs', href: '/runs' },
        { label: experiment, href: `/runs?experiment=${run.experimentId}` },
        ...(run.parentRunId === undefined ? [] : [{ label: 'Parent run', href: `/runs/${run.parentRunId}` }]),
      ]}
      lede={sentence(run)}
      actions={<Actions run={run} />}
    >
      <Numbers run={run} />
      <Curves run={run} />
      <Columns>
        <Params params={run.params} />
        <Section title="About">
          <Facts items={[['Started', exact(run.startMs)], ...aboutRun(run)]} />
        </Section>
      </Columns>
      <Uses run={run} />
      <Children run={run} />
      <RunLog run={run} />
      <Artifacts runId={run.id} entries={run.artifacts} />
      <LineageSection title="Where it came from, and what came of it" kind="run" id={run.id} />
      <Tags run={run} />
      <Note
        text={noteOf(run)}
        empty="Nobody has described this run yet."
        rooms={['tracking']}
        read={async () => noteOf(await queryClient.fetchQuery({ ...runDetail(run.id), staleTime: 0 }))}
        onSave={(text) => describeRun(run.id, text)}
      />
      <Comments subjectType="run" subjectId={run.id} />
    </Page>
  )
}

function noteOf({ tags }: Pick<DetailedRun, 'tags'>): string {
  return tags.find(({ key }) => key === note)?.value ?? ''
}

/** How long it took, or has taken so far. */
function Took({ run }: { run: DetailedRun }) {
  const now = useWallClock(1000)
  const running = run.status === 'RUNNING' && run.endMs === undefined
  const ms = (running ? now : (run.endMs ?? run.startMs)) - run.startMs
  return ms <= 0 ? null : <Quiet>{running ? `for ${duration(ms)}` : duration(ms)}</Quiet>
}

function Actions({ run }: { run: DetailedRun }) {
  // What was asked stays, also when the run has changed and the dialog has yet to close.
  const [asked, ask] = useState<'delete' | 'restore' | undefined>()
  const [, go] = useLocation()
  const verb = run.lifecycle === 'deleted' ? 'restore' : 'delete'
  return (
    <>
      <Button onPress={() => go(`/runs?experiment=${run.experimentId}&selected=${run.id}`)}>
        Compare with…
      </Button>
      <Button onPress={() => ask(verb)}>{verb === 'restore' ? 'Restore…' : 'Delete…'}</Button>
      {asked && <LifecycleDialog run={run} restore={asked === 'restore'} onClose={() => ask(undefined)} />}
    </>
  )
}

function LifecycleDialog({
  run,
  restore,
  onClose,
}: {
  run: DetailedRun
  restore: boolean
  onClose: () => void
}) {
  const verb = restore ? 'Restore' : 'Delete'
  return (
    <ConfirmDialog
      title={`${verb} ${run.name}?`}
      text={restore ? 'It comes back with everything it has.' : 'It can be restored from the deleted runs.'}
      verb={verb}
      askReason={false}
      harmless={restore}
      onConfirm={async () => {
        await setRunsLifecycle([run.id], restore ? 'active' : 'deleted')
        void queryClient.resetQueries({ queryKey: ['run-table'] })
      }}
      onClose={onClose}
    />
  )
}

function sentence(run: DetailedRun): string {
  const verb: Record<string, string> = {
    RUNNING: 'Is running',
    FINISHED: 'Finished',
    FAILED: 'Failed',
    KILLED: 'Was stopped',
    SCHEDULED: 'Waits to start',
  }
  const final = metricValues(run)
    .slice(0, 3)
    .map(({ key, value }) => `${key} ${written(value)}`)
    .join(', ')
  return `${verb[run.status] ?? run.status}${final === '' ? '.' : `: ${final}.`}`
}

/** The last value of each metric. */
function Numbers({ run }: { run: DetailedRun }) {
  const [all, setAll] = useState(false)
  const values = metricValues(run)
  if (values.length === 0) return null
  const shown = all ? values : values.slice(0, numbersShown)
  return (
    <Section title="Metrics" note={<Quiet>The last value of each</Quiet>}>
      <dl className={styles['numbers']}>
        {shown.map(({ key, value, step }) => (
          <div key={key} title={`${key} = ${value} at step ${step}`}>
            <dt>{key}</dt>
            <dd>{written(value)}</dd>
          </div>
        ))}
      </dl>
      {shown.length < values.length && (
        <Button look="quiet" onPress={() => setAll(true)}>
          Show all {values.length}
        </Button>
      )}
    </Section>
  )
}

/** A metric that has moved beyond its first step has a curve. */
function Curves({ run }: { run: DetailedRun }) {
  const { id, name, startMs } = run
  const runs = useMemo(() => [{ id, name, startMs }], [id, name, startMs])
  const keys = run.metrics
    .filter(({ key, step }) => step > 0 || key.startsWith('system/'))
    .map(({ key }) => key)
    .sort()
  return <MetricGroups runs={runs} keys={keys} />
}

function Uses({ run }: { run: DetailedRun }) {
  if (run.datasets.length + run.models.length === 0) return null
  return (
    <Section title="Used and made">
      <Table
        label="Used and made"
        rows={[
          ...run.datasets.map((dataset) => ({
            key: `${dataset.name} ${dataset.digest}`,
            what: 'Dataset',
            name: dataset.name,
            detail: `${dataset.tags.find(({ key }) => key === 'mlflow.data.context')?.value ?? 'used'}, digest ${dataset.digest}`,
          })),
          ...run.models.map((model) => ({
            key: model.loggedModelId,
            what: model.direction === 'input' ? 'Model used' : 'Model made',
            name: model.loggedModelId,
            detail: `at step ${model.step}`,
          })),
        ]}
        rowKey={(row) => row.key}
        columns={[
          { name: 'What', cell: (row) => row.what },
          { name: 'Name', cell: (row) => <code>{row.name}</code> },
          { name: 'Detail', cell: (row) => row.detail },
        ]}
      />
    </Section>
  )
}

function Children({ run }: { run: DetailedRun }) {
  if (run.children.length === 0) return null
  return (
    <Section
      title="Nested runs"
      note={<Link href={compareHref({ parent: run.id })}>Compare all {run.children.length}</Link>}
    >
      <Table
        label="Nested runs"
        rows={run.children.slice(0, 50)}
        rowKey={(child) => child.id}
        columns={[
          {
            name: 'Run',
            cell: (child) => (
              <>
                <span className={styles['swatch']} style={{ background: runColour(child.id) }} />
                <Link href={`/runs/${child.id}`}>{child.name}</Link>
              </>
            ),
          },
          { name: 'State', cell: (child) => <State word={child.status} /> },
        ]}
      />
      {run.children.length > 50 && (
        <Quiet>The first 50 of {run.children.length}; the table of runs has all of them.</Quiet>
      )}
    </Section>
  )
}
