import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { PipelineRun, StepRun } from '../answers.ts'
import { pipelineRun } from '../api.ts'
import { Gantt } from '../charts/Gantt.tsx'
import { Graph } from '../charts/Graph.tsx'
import { duration, exact, plain } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { moodColour, moodOf } from '../kit/tone.ts'
import { useWallClock } from '../live.ts'
import { StepPanel } from './StepPanel.tsx'

/** Where is it, what failed, what was reused? */
export function PipelineRunPage({ id }: { id: string }) {
  const query = useQuery(pipelineRun(id))
  return (
    <LoadedPage query={query} title="Pipeline run" of={{ label: 'Pipelines', href: '/pipelines' }}>
      {(data) => <RunView data={data} />}
    </LoadedPage>
  )
}

function RunView({ data }: { data: PipelineRun }) {
  const { run, steps, effects } = data
  const names = namesOf(steps)
  const [stepId, choose] = useParam('step', '')
  const chosen = steps.find((step) => step.id === stepId) ?? interesting(steps)
  return (
    <Page
      title={run.pipeline}
      aside={<State word={run.state} />}
      crumbs={[{ label: 'Pipelines', href: '/pipelines' }]}
      lede={sentence(data)}
    >
      <Section title="Steps" note={`${steps.filter((step) => step.cached).length} of ${steps.length} reused`}>
        <Graph
          label="Steps of the run"
          nodes={steps}
          chosen={chosen?.id}
          press={{ choose }}
          name={(step) => names.get(step.id) ?? step.name}
          detail={(step) => (
            <>
              <State word={stepWord(step)} mood={step.cached ? 'good' : moodOf(step.state)} />
              <span>{took(step)}</span>
            </>
          )}
          lit={(step) => step.state === 'running'}
          data={{
            columns: ['Step', 'State', 'After'],
            rows: () =>
              steps.map((step) => [
                names.get(step.id),
                stepWord(step),
                step.inputs.map((id) => names.get(id) ?? '–').join(', '),
              ]),
          }}
        />
      </Section>
      {chosen && <StepPanel key={chosen.id} runId={run.id} step={chosen} />}
      <Section title="When each step ran">
        <StepTimes steps={steps} names={names} chosen={chosen?.id} onChoose={choose} />
      </Section>
      <Columns>
        <Section title="Params">
          {Object.keys(run.params).length === 0 ? (
            <Quiet>All at their defaults.</Quiet>
          ) : (
            <Facts items={Object.entries(run.params).map(([name, value]) => [name, plain(value)])} />
          )}
        </Section>
        <Section title="About">
          <Facts
            items={[
              ['Started by', run.cause.sentence],
              ['Started', exact(run.atMs)],
              ['Run id', <code key="id">{run.id}</code>],
              ...(run.trackingRunId === null
                ? []
                : [
                    [
                      'Tracked as',
                      <Link key="run" href={`/runs/${run.trackingRunId}`}>
                        its run with metrics
                      </Link>,
                    ] as [string, React.ReactNode],
                  ]),
            ]}
          />
        </Section>
      </Columns>
      {effects.length > 0 && (
        <Section title="What it did outside">
          <Table
            label="Effects"
            rows={effects}
            rowKey={(effect) => effect.id}
            columns={[
              { name: 'Effect', cell: (effect) => `${effect.kind} ${effect.input.name}` },
              { name: 'State', cell: (effect) => <State word={effect.state} /> },
              {
                name: 'Result',
                wrap: true,
                cell: (effect) =>
                  effect.result === null ? '' : plain(effect.result['sentence'] ?? effect.result),
              },
            ]}
          />
        </Section>
      )}
    </Page>
  )
}

/** Steps of one name are told apart by the params in which they differ. */
function namesOf(steps: StepRun[]): Map<string, string> {
  const groups = Map.groupBy(steps, (step) => step.name)
  return new Map(
    steps.map((step) => {
      const same = groups.get(step.name) ?? []
      const differing = Object.entries(step.params)
        .filter(([, value]) => typeof value !== 'object')
        .filter(([key, value]) => same.some((other) => plain(other.params[key]) !== plain(value)))
        .map(([, value]) => plain(value))
        .filter((text) => text.length <= 16)
      return [step.id, [step.name, ...differing.slice(0, 2)].join(' ').replaceAll('_', ' ')]
    }),
  )
}

/** What a person wants to see first: what failed, else what runs, else what ended last. */
function interesting(steps: StepRun[]): StepRun | undefined {
  const ended = steps.filter((step) => step.finishedMs !== null && !step.cached)
  return (
    steps.find((step) => step.state === 'failed') ??
    steps.find((step) => step.state === 'running') ??
    ended.sort((a, b) => (a.finishedMs ?? 0) - (b.finishedMs ?? 0)).at(-1) ??
    steps[0]
  )
}

function StepTimes({
  steps,
  names,
  chosen,
  onChoose,
}: {
  steps: StepRun[]
  names: Map<string, string>
  chosen: string | undefined
  onChoose: (id: string) => void
}) {
  const now = useWallClock(1000)
  const started = steps.flatMap((step) => (step.startedMs === null ? [] : [step.startedMs]))
  if (started.length === 0) return <Quiet>No step has begun.</Quiet>
  const running = steps.some((step) => step.state === 'running')
  const ended = steps.flatMap((step) => (step.finishedMs === null ? [] : [step.finishedMs]))
  return (
    <Gantt
      label="Time of each step"
      startMs={Math.min(...started)}
      endMs={Math.max(...ended, ...started, ...(running ? [now] : []))}
      rows={steps.map((step) => ({
        id: step.id,
        name: names.get(step.id) ?? step.name,
        word: stepWord(step),
        colour: moodColour[moodOf(step.state)],
        startedMs: step.startedMs ?? undefined,
        finishedMs: step.finishedMs ?? undefined,
        hollow: step.cached,
      }))}
      chosen={chosen}
      onChoose={onChoose}
    />
  )
}

function stepWord(step: StepRun): string {
  return step.cached ? 'reused' : step.state
}

function took(step: StepRun): string {
  return step.cached || step.startedMs === null || step.finishedMs === null
    ? ''
    : duration(step.finishedMs - step.startedMs)
}

function sentence({ run, steps }: PipelineRun): string {
  const whole =
    run.startedMs === null || run.finishedMs === null ? '' : ` in ${duration(run.finishedMs - run.startedMs)}`
  const failed = steps.find((step) => step.state === 'failed')
  const running = steps.filter((step) => step.state === 'running').map((step) => step.name)
  switch (run.state) {
    case 'failed':
      return failed
        ? `Failed in ${failed.name}${whole}: ${failed.error ?? run.error ?? 'no reason given'}`
        : `Failed${whole}: ${run.error ?? ''}`
    case 'succeeded':
      return `Succeeded${whole}. ${run.cause.sentence}`
    case 'running':
      return running.length === 0 ? 'Running; between two steps.' : `Running ${running.join(', ')}.`
    case 'queued':
    case 'cancelled':
      return `${run.state}. ${run.cause.sentence}`
  }
}
