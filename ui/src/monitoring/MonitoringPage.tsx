import { useQuery } from '@tanstack/react-query'
import type { Monitoring } from '../answers.ts'
import { monitoring } from '../api.ts'
import { HeatStrip } from '../charts/HeatStrip.tsx'
import { dayOf, decimal, duration, share } from '../format.ts'
import { skew as skewOf } from '../features/api.ts'
import { SkewSection } from '../features/SkewSection.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { AlertList } from './AlertList.tsx'
import { Causes } from './Causes.tsx'
import { BaseRate, Quality } from './Watches.tsx'

/** Has the world changed, and does it hurt? */
export function MonitoringPage({ name }: { name: string }) {
  const query = useQuery(monitoring(name))
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Monitoring', href: '/monitoring' }}>
      {(data) => <MonitoringView name={name} data={data} />}
    </LoadedPage>
  )
}

function MonitoringView({ name, data }: { name: string; data: Monitoring }) {
  const skew = useQuery(skewOf({ deployment: name, days: 7 }))
  return (
    <Page
      title={name}
      aside={data.stableVersion === null ? undefined : <Quiet>{`${data.model}/${data.stableVersion}`}</Quiet>}
      crumbs={[{ label: 'Monitoring', href: '/monitoring' }]}
      lede={sentence(data)}
    >
      <Section title="What explains it" note="strongest first">
        <Causes causes={data.causes} />
      </Section>
      <Columns>
        <Section title="Has the world changed?">
          <BaseRate data={data} />
        </Section>
        <Section title="Does it hurt?" note={labelNote(data)}>
          <Quality data={data} />
        </Section>
      </Columns>
      <Section
        title="Features, day by day"
        note="distance from the training days as a share of the limit; a dot marks a day beyond it"
      >
        <Drift data={data} />
      </Section>
      {skew.data && (
        <SkewSection skew={skew.data} title="Are features served as they are computed offline?" />
      )}
      <Section title="Alerts">
        <AlertList items={data.alerts} none="no alert was raised" />
      </Section>
    </Page>
  )
}

function Drift({ data }: { data: Monitoring }) {
  const { days, features } = data.drift
  if (days.length === 0) return <Quiet>No whole day was judged yet.</Quiet>
  return (
    <HeatStrip
      label="Distance of each feature on each day"
      rows={features.map((feature) => feature.name)}
      columns={days.map((day) => dayOf(day.startMs))}
      values={features.map((feature) =>
        feature.cells.map(({ distance, upper }) =>
          distance === null || upper === null || upper <= 0 ? null : distance / upper,
        ),
      )}
      threshold={1}
      format={(value) => `${share(value)} of its limit`}
    />
  )
}

function labelNote(data: Monitoring): string | undefined {
  const last = data.labels.findLast((day) => day.delayMedianMs !== null && day.delay95Ms !== null)
  if (last === undefined) return undefined
  return `labels arrive after ${duration(last.delayMedianMs ?? 0)}, 95 % within ${duration(last.delay95Ms ?? 0)}`
}

function sentence(data: Monitoring): string {
  const judged = data.baseRate.filter((day) => day.verdict !== 'not_judged')
  const outside = judged.filter((day) => day.verdict === 'out')
  const [first] = outside
  const world =
    judged.length === 0
      ? 'No day could be judged yet: labels have to arrive first.'
      : first === undefined
        ? `The base rate stayed within its daily spread on all ${judged.length} days.`
        : `The base rate was outside its daily spread on ${outside.length} of ${judged.length} days, first on ${dayOf(first.startMs)}.`
  const ranked = data.quality.filter((day) => day.verdict !== 'not_judged' && day.value !== null)
  const last = ranked.at(-1)
  if (last?.value === undefined || last.value === null) return world
  const fell = data.alerts.some((alert) => alert.kind === 'quality' && alert.state === 'open')
  const state = fell ? 'The ranking fell' : 'The ranking holds'
  return `${world} ${state}: AUC ${aucText(last)} up to ${dayOf(last.startMs)}.`
}

/** One day says little, so the mean of three where there are three. */
function aucText({ value, lower, upper, threeDay }: Monitoring['quality'][number]): string {
  if (threeDay !== null) return `${decimal(threeDay.value, 3)} over ${threeDay.days} days`
  const interval = lower === null || upper === null ? '' : ` [${decimal(lower, 3)}, ${decimal(upper, 3)}]`
  return `${decimal(value ?? Number.NaN, 3)}${interval}`
}
