import { useQuery } from '@tanstack/react-query'
import { base } from '../api.ts'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { count, decimal } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { metricName } from '../registry/judged.ts'
import type { Bounds } from '../answers.ts'
import type { BenchmarkDetail, Standing, Submission } from './answers.ts'
import { benchmark, ownSubmissions } from './api.ts'
import { moodOfBenchmark } from './state.ts'

/** Whose model is best here, and how sure is that? */
export function BenchmarkPage({ name }: { name: string }) {
  const query = useQuery(benchmark(name))
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Benchmarks', href: '/benchmarks' }}>
      {(data) => <BenchmarkView benchmark={data} />}
    </LoadedPage>
  )
}

function BenchmarkView({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { name, state, standings, description } = benchmark
  return (
    <Page
      title={name}
      aside={<State word={state} mood={moodOfBenchmark(state)} />}
      crumbs={[{ label: 'Benchmarks', href: '/benchmarks' }]}
      lede={sentence(benchmark)}
    >
      {description !== '' && <p>{description}</p>}
      {standings.length > 0 && <Leaderboard benchmark={benchmark} />}
      <OwnSubmissions name={name} />
      <Section title="How to submit">
        <EmptyState
          what="A contributor submits; a worker measures it on the holdout. For a team: --team <name>."
          code={howTo(benchmark)}
        />
      </Section>
      <About benchmark={benchmark} />
    </Page>
  )
}

function sentence({ state, error, standings, definition, evaluated }: BenchmarkDetail): string {
  if (state === 'failed') return `Its holdout will not do: ${error ?? 'no reason given'}`
  if (state === 'preparing') return 'Its holdout is being prepared.'
  const [first] = standings
  if (!first) return 'Nobody has been measured yet.'
  const tied = standings.filter(({ rank }) => rank.from === 1)
  const metric = `${metricName(definition.metric)} ${decimal(first.score.estimate)}`
  const after = `after ${count(evaluated)} submission${evaluated === 1 ? '' : 's'} in all`
  if (tied.length === 1) return `${first.name} leads with ${first.label}: ${metric}, ${after}.`
  const others = tied.slice(1).map((one) => one.name)
  return `${first.name} is ahead with ${first.label}: ${metric}, and cannot be told from ${others.join(', ')}, ${after}.`
}

function Leaderboard({
  benchmark: { definition, standings, higherIsBetter },
}: {
  benchmark: BenchmarkDetail
}) {
  const metric = metricName(definition.metric)
  return (
    <>
      <Section
        title="Leaderboard"
        note={`${metric}, ${higherIsBetter ? 'more' : 'less'} is better; 95 % intervals`}
      >
        <IntervalDotPlot
          label={`${metric} by participant`}
          quiet
          format={(value) => decimal(value)}
          rows={standings.map(({ name, label, score, rank }) => ({
            name: `${ranks(rank)}. ${name}`,
            detail: label,
            value: score.estimate,
            lower: score.lower,
            upper: score.upper,
            colour: rank.from === 1 ? 'var(--accent)' : 'var(--ink-3)',
          }))}
        />
      </Section>
      <Section title="Standings" note="a rank is a range where the rows cannot tell who is better">
        <Table
          label="Standings"
          rows={standings}
          rowKey={(row) => row.participant}
          columns={[
            { name: 'Rank', cell: ({ rank }) => ranks(rank) },
            { name: 'Who', cell: (row) => <strong>{row.name}</strong> },
            { name: 'What', cell: (row) => row.label },
            { name: metric, number: true, cell: ({ score }) => interval(score.estimate, score) },
            { name: 'Behind the leader', number: true, cell: behind },
            { name: 'Evaluated', number: true, cell: (row) => count(row.submissions) },
            { name: 'Since', cell: (row) => <Time ms={row.atMs} /> },
          ]}
        />
      </Section>
    </>
  )
}

function ranks({ from, to }: Standing['rank']): string {
  return from === to ? String(from) : `${from}–${to}`
}

function interval(value: number, { lower, upper }: Pick<Bounds, 'lower' | 'upper'>): string {
  return lower === undefined || upper === undefined
    ? decimal(value)
    : `${decimal(value)} [${decimal(lower)}, ${decimal(upper)}]`
}

function behind({ behind }: Standing) {
  return behind === null ? <Quiet>leads</Quiet> : interval(behind.difference, behind)
}

function OwnSubmissions({ name }: { name: string }) {
  const query = useQuery(ownSubmissions(name))
  const items = query.data?.items ?? []
  if (items.length === 0) return null
  return (
    <Section
      title="Your submissions"
      note="a score is shown when it beats your best by more than its standard error"
    >
      <Table
        label="Your submissions"
        rows={items}
        rowKey={(row) => row.id}
        columns={[
          { name: 'What', cell: (row) => row.label },
          { name: 'For', cell: (row) => row.participant },
          { name: 'State', cell: (row) => <State word={row.state} mood={moodOfSubmission(row)} /> },
          { name: 'Outcome', wrap: true, cell: outcome },
          { name: 'Asked', cell: (row) => <Time ms={row.askedMs} /> },
        ]}
      />
    </Section>
  )
}

function moodOfSubmission({ state }: Submission) {
  return state === 'done' ? 'good' : state === 'failed' ? 'bad' : 'idle'
}

function outcome({ error, improved, score, state }: Submission) {
  if (error !== null) return error
  if (state === 'queued') return <Quiet>waits for a worker</Quiet>
  if (improved && score) return `improved: ${interval(score.estimate, score)}`
  return <Quiet>does not beat the best before it</Quiet>
}

function About({ benchmark }: { benchmark: BenchmarkDetail }) {
  const { name, definition, holdout, digest, dailyLimit, createdBy, createdMs } = benchmark
  const features = `${base}/api/v1/benchmarks/${encodeURIComponent(name)}/features`
  return (
    <Section title="About">
      <Facts
        items={[
          ['Predicts', `${definition.label} (${definition.task})`],
          ['Holdout', holdout === null ? 'not ready' : heldOut(holdout)],
          ['Its digest', digest === null ? 'not ready' : <code key="digest">{digest.slice(0, 16)}</code>],
          [
            'Its rows',
            definition.featuresOpen ? (
              <a key="rows" href={features} download={`${name}.parquet`}>
                without the label, as Parquet
              </a>
            ) : (
              'stay on the server'
            ),
          ],
          ['A model takes', holdout?.features.map((feature) => feature.name).join(', ') ?? 'not known yet'],
          ['Submissions a day', `${dailyLimit} for each participant`],
          ['Made by', createdBy],
          ['Made', <Time key="made" ms={createdMs} />],
        ]}
      />
    </Section>
  )
}

function heldOut({ rows, blocks, days }: NonNullable<BenchmarkDetail['holdout']>): string {
  return `${count(rows)} rows, ${blocks} ${days ? 'days' : 'stretches'}`
}

function howTo({ name, definition }: BenchmarkDetail): string {
  const lines = [`tidemill benchmarks submit ${name} late/3             # a registered ONNX model`]
  if (definition.id !== undefined)
    lines.push(
      `tidemill benchmarks submit ${name} predictions.csv    # ${definition.id},score of a model elsewhere`,
    )
  lines.push(`tidemill benchmarks ${name}                           # the leaderboard`)
  return lines.join('\n')
}
