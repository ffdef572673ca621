import { useMutation, useQuery } from '@tanstack/react-query'
import { Play } from 'lucide-react'
import { Link, useLocation } from 'wouter'
import type { PipelineItem, PipelineRunItem, Trigger } from '../answers.ts'
import { pipelineRuns, pipelines, startPipeline } from '../api.ts'
import { count, duration } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Table } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { Time } from '../kit/Time.tsx'

/** What runs by itself, when, and how did it go? */
export function PipelinesPage() {
  const query = useQuery(pipelines())
  return (
    <Page title="Pipelines" lede="What runs, what starts it, and how it went.">
      <Loaded query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState
              what="This project declares no pipeline yet."
              code={
                "// pipelines/train-late.ts\nexport const trainLate = pipeline('train-late', { on: [newData(flights)] }, async ({ latest, register }) => {\n  const { train: rows } = split({ data: latest(flights) })\n  await register('late', train({ train: rows }))\n})"
              }
            />
          ) : (
            <>
              <Declared items={data.items} />
              <Recent names={data.items.map((item) => item.name)} />
            </>
          )
        }
      </Loaded>
    </Page>
  )
}

function Declared({ items }: { items: PipelineItem[] }) {
  return (
    <Table
      label="Pipelines"
      rows={items}
      rowKey={(item) => item.name}
      columns={[
        {
          name: 'Pipeline',
          cell: (item) => (
            <Link href={`/pipelines?pipeline=${encodeURIComponent(item.name)}`}>{item.name}</Link>
          ),
        },
        {
          name: 'Started by',
          wrap: true,
          cell: (item) => ['a person', ...item.on.map((trigger) => triggerText(trigger))].join(' · '),
        },
        { name: '', number: true, cell: (item) => <Start name={item.name} /> },
      ]}
    />
  )
}

function triggerText(trigger: Trigger): string {
  switch (trigger.kind) {
    case 'cron':
      return `the clock, ${trigger.pattern} ${trigger.timezone}`
    case 'new_data':
      return trigger.minRows > 1
        ? `${count(trigger.minRows)} new rows in ${trigger.dataset}`
        : `new data in ${trigger.dataset}`
    case 'drift':
      return `a changed world at ${trigger.deployment}`
    case 'degraded':
      return `fallen quality of ${trigger.deployment}`
  }
}

function Start({ name }: { name: string }) {
  const [, go] = useLocation()
  const start = useMutation({
    mutationFn: () => startPipeline(name, {}),
    onSuccess: (run) => go(`/pipeline-runs/${run.id}`),
  })
  return (
    <>
      <Button look="quiet" label={`Run ${name}`} disabled={start.isPending} onPress={() => start.mutate()}>
        <Play size={12} aria-hidden /> Run
      </Button>
      {start.isError && <span role="alert">{messageOf(start.error)}</span>}
    </>
  )
}

function Recent({ names }: { names: string[] }) {
  const [pipeline] = useParam('pipeline', '')
  const query = useQuery(pipelineRuns({ limit: 100, ...(pipeline === '' ? {} : { pipeline }) }))
  return (
    <Section title="Runs">
      {names.length > 1 && (
        <Tabs
          name="pipeline"
          label="Pipeline"
          options={[{ value: '', label: 'All' }, ...names.map((name) => ({ value: name, label: name }))]}
        />
      )}
      <Loaded query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState
              what="It has not run yet."
              code={`tidemill run ${pipeline === '' ? (names[0] ?? '') : pipeline}`}
            />
          ) : (
            <Table
              label="Pipeline runs"
              rows={data.items}
              rowKey={(run) => run.id}
              columns={[
                { name: 'Run', cell: (run) => <Link href={`/pipeline-runs/${run.id}`}>{run.pipeline}</Link> },
                { name: 'State', cell: (run) => <State word={run.state} /> },
                { name: 'Why', wrap: true, cell: (run) => run.cause.sentence },
                { name: 'Started', cell: (run) => <Time ms={run.atMs} /> },
                { name: 'Took', number: true, cell: (run) => took(run) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  )
}

function took(run: PipelineRunItem): string {
  return run.startedMs === null || run.finishedMs === null ? '' : duration(run.finishedMs - run.startedMs)
}
