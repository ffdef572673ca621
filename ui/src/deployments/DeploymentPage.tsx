import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Deployment, Timeline } from '../answers.ts'
import { deployment, timeline } from '../api.ts'
import { asSaid } from '../decisions/subject.ts'
import { count, plain } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { useDomainClock } from '../kit/clock.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Sentences } from '../kit/Sentence.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { Time } from '../kit/Time.tsx'
import { Intervene } from './Intervene.tsx'
import { Judgement } from './Judgement.tsx'
import { TakeDown } from './TakeDown.tsx'
import { TrafficPicture } from './TrafficPicture.tsx'
import { hourMs, stageName, stateOf } from './traffic.ts'
import { Version } from './Version.tsx'

const ranges = [
  { value: '30d', label: '30 days', ms: 30 * 24 * hourMs },
  { value: '24h', label: '24 hours', ms: 24 * hourMs },
  { value: '7d', label: '7 days', ms: 7 * 24 * hourMs },
  { value: '180d', label: '180 days', ms: 180 * 24 * hourMs },
]

/** Is it healthy, and who is being served by what? */
export function DeploymentPage({ name }: { name: string }) {
  const query = useQuery(deployment(name))
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Deployments', href: '/deployments' }}>
      {(data) => <DeploymentView deployment={data} />}
    </LoadedPage>
  )
}

function DeploymentView({ deployment }: { deployment: Deployment }) {
  const clock = useDomainClock()
  const [range] = useParam('range', '30d')
  const spanMs = ranges.find((one) => one.value === range)?.ms ?? 30 * 24 * hourMs
  const toMs = Math.ceil(clock.nowMs / hourMs) * hourMs
  const history = useQuery(timeline(deployment.name, { fromMs: toMs - spanMs, toMs }))
  return (
    <Page
      title={deployment.name}
      aside={<State word={stateOf(deployment)} />}
      crumbs={[{ label: 'Deployments', href: '/deployments' }]}
      lede={sentence(deployment)}
      actions={<Intervene deployment={deployment} />}
    >
      <Section title="Who is served by what" note={<Tabs name="range" label="Range" options={ranges} />}>
        <Loaded query={history}>{(data) => <History timeline={data} deployment={deployment} />}</Loaded>
      </Section>
      {deployment.rollout !== null && <Judgement rolloutId={deployment.rollout.id} />}
      <Columns>
        <Section title="About">
          <About deployment={deployment} />
          <TakeDown deployment={deployment} />
        </Section>
        <Section title="Rollouts">
          {history.data === undefined || history.data.rollouts.length === 0 ? (
            <Quiet>None in this range.</Quiet>
          ) : (
            <Rollouts rollouts={history.data.rollouts} />
          )}
        </Section>
      </Columns>
    </Page>
  )
}

function History({ timeline, deployment }: { timeline: Timeline; deployment: Deployment }) {
  const newestFirst = timeline.decisions.toReversed()
  return (
    <>
      {timeline.traffic.length === 0 ? (
        <EmptyState
          what="Nobody asked in this range."
          code={`curl http://127.0.0.1:8434/v2/models/${deployment.name}/infer -d '{"inputs": […]}'`}
        />
      ) : (
        <TrafficPicture timeline={timeline} model={deployment.model} />
      )}
      {newestFirst.length > 0 && (
        <Section title="What was decided" note="numbers as in the picture">
          <Sentences
            label="What was decided"
            items={newestFirst.map((decision, index) => {
              const said = asSaid(decision)
              return { ...said, sentence: `${newestFirst.length - index}. ${said.sentence}` }
            })}
          />
        </Section>
      )}
    </>
  )
}

function About({ deployment }: { deployment: Deployment }) {
  const { model, stable, previous, policy, policyVersion, unit } = deployment
  return (
    <Facts
      items={[
        ['Stable', stable ? <Version key="stable" model={model} version={stable.version} /> : 'none'],
        [
          'Rolls back to',
          previous ? <Version key="previous" model={model} version={previous.version} /> : 'nothing earlier',
        ],
        ['Assigned by', plain(unit)],
        [`Policy ${policyVersion}`, policyText(policy)],
        [
          'Monitoring',
          <Link key="monitoring" href={`/monitoring/${deployment.name}`}>
            has the world changed?
          </Link>,
        ],
      ]}
    />
  )
}

/** `yes from a score of 0.5; a score of 0.2 where features are stale or missing; slow from 50 ms`. */
function policyText({ threshold, fallback, latencySloMs }: Deployment['policy']): string {
  const instead = fallback?.decision ?? `a score of ${plain(fallback?.score)}`
  return [
    threshold === undefined ? 'score only' : `yes from a score of ${plain(threshold)}`,
    ...(fallback ? [`${instead} where features are ${fallback.on.join(' or ')}`] : []),
    `slow beyond ${plain(latencySloMs)} ms`,
  ].join('; ')
}

function Rollouts({ rollouts }: { rollouts: Timeline['rollouts'] }) {
  return (
    <Table
      label="Rollouts"
      rows={rollouts}
      rowKey={(one) => one.id}
      columns={[
        { name: 'Candidate', cell: (one) => <Version model={one.model} version={one.candidateVersion} /> },
        { name: 'State', cell: (one) => <State word={one.state} /> },
        { name: 'Stage', cell: (one) => stageName(one) },
        { name: 'Started', cell: (one) => <Time ms={one.startedMs} /> },
      ]}
    />
  )
}

function sentence(deployment: Deployment): string {
  const { model, stable, rollout, traffic } = deployment
  if (stable === null) return 'Nothing answers here yet.'
  const answers = traffic.filter((one) => one.variant !== 'shadow')
  const n = answers.reduce((sum, one) => sum + one.n, 0)
  const errors = answers.reduce((sum, one) => sum + one.errors, 0)
  const health =
    n === 0
      ? 'nobody has asked yet'
      : `${count(n)} answers on the last day with traffic, ${errors === 0 ? 'no error' : `${count(errors)} errors`}`
  const trial =
    rollout === null ? '' : ` ${model}/${rollout.candidateVersion} is on trial in ${stageName(rollout)}.`
  return `${model}/${stable.version} answers; ${health}.${trial}`
}
