import { useQuery } from '@tanstack/react-query'
import type { Monitoring } from '../answers.ts'
import { alerts, monitoring } from '../api.ts'
import { HeatStrip } from '../charts/HeatStrip.tsx'
import { LineBand } from '../charts/LineBand.tsx'
import { dayOf, decimal, share } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { AlertList } from './AlertList.tsx'
import { Causes } from './Causes.tsx'

const toMs = (day: string) => Date.parse(`${day}T00:00:00Z`)

/** Has the world changed, and does it hurt? */
export function MonitoringPage({ name }: { name: string }) {
  const query = useQuery(monitoring(name))
  return <Loaded query={query}>{(data) => <MonitoringView name={name} data={data} />}</Loaded>
}

function MonitoringView({ name, data }: { name: string; data: Monitoring }) {
  const raised = useQuery(alerts({ deployment: name }))
  return (
    <Page title={name} crumbs={[{ label: 'Monitoring', href: '/monitoring' }]} lede={sentence(data)}>
      <Section title="What explains it" note="largest first">
        <Causes causes={data.causes} />
      </Section>
      <Columns>
        <Section title="Has the world changed?">
          <BaseRate data={data} />
        </Section>
        <Section title="Does it hurt?">
          <Quality data={data} />
        </Section>
      </Columns>
      <Section
        title="Features, day by day"
        note="distance from the days the model was trained on; a dot marks a day beyond its limit"
      >
        {data.heat.days.length === 0 ? (
          <Quiet>No whole day was measured yet.</Quiet>
        ) : (
          <HeatStrip
            label="Distance of each feature on each day"
            rows={data.heat.features}
            columns={data.heat.days.map((day) => dayOf(toMs(day)))}
            values={data.heat.values}
            threshold={data.heat.threshold}
          />
        )}
      </Section>
      <Section title="Alerts">
        <Loaded query={raised}>
          {(page) => <AlertList items={page.items} none="No alert was ever raised." />}
        </Loaded>
      </Section>
    </Page>
  )
}

function BaseRate({ data }: { data: Monitoring }) {
  if (data.baseRate.length === 0) {
    return (
      <EmptyState
        what="Labels make this picture; none has arrived yet."
        code={'POST http://127.0.0.1:8434/feedback\n{ "prediction_id": "…", "label": 1 }'}
      />
    )
  }
  return (
    <LineBand
      label="Base rate, per day"
      band="limits"
      bandName="where days are expected"
      left={52}
      format={share}
      timeFormat={dayOf}
      series={[
        {
          name: 'base rate',
          colour: 'var(--c0)',
          points: data.baseRate.map((day) => ({
            atMs: toMs(day.day),
            value: day.value,
            lower: day.lower,
            upper: day.upper,
            n: day.n,
            outside: day.outside,
          })),
        },
      ]}
    />
  )
}

function Quality({ data }: { data: Monitoring }) {
  if (data.quality.length === 0)
    return <Quiet>No window is mature yet: quality is judged when its labels have arrived.</Quiet>
  return (
    <LineBand
      label="AUC, per day, with its interval"
      band="interval"
      shareName="labelled"
      left={52}
      format={(value) => decimal(value, 2)}
      timeFormat={dayOf}
      series={[
        {
          name: 'AUC',
          colour: 'var(--c2)',
          points: data.quality.map((day) => ({
            atMs: toMs(day.day),
            value: day.auc,
            lower: day.lower,
            upper: day.upper,
            n: day.n,
            share: day.coverage,
          })),
        },
      ]}
    />
  )
}

function sentence(data: Monitoring): string {
  const outside = data.baseRate.filter((day) => day.outside)
  const world =
    data.baseRate.length === 0
      ? 'No label has arrived yet, so nothing is known about the world.'
      : outside.length === 0
        ? `The base rate stayed where days are expected on all ${data.baseRate.length} days.`
        : `The base rate left its daily spread on ${outside.length} of ${data.baseRate.length} days, first on ${dayOf(toMs(outside[0]?.day ?? ''))}.`
  const first = data.quality[0]
  const last = data.quality.at(-1)
  if (first === undefined || last === undefined) return world
  const holds = last.lower <= first.upper
  return `${world} ${holds ? 'The ranking holds' : 'The ranking fell'}: AUC ${decimal(last.auc, 3)} [${decimal(last.lower, 3)}, ${decimal(last.upper, 3)}] on ${dayOf(toMs(last.day))}.`
}
