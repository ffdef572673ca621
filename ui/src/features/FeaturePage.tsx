import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { LineBand } from '../charts/LineBand.tsx'
import { count, dateTime, duration } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { LineageSection } from '../lineage/LineageSection.tsx'
import type { EntryPage, EntryKind, SkewReport, ViewDetail } from './answers.ts'
import { entry as entryOf, kindOfFolder, kindWords, skew as skewOf, view as viewOf } from './api.ts'
import { FeatureTable } from './FeatureTable.tsx'
import styles from './Features.module.css'
import { FreshnessState } from './FreshnessState.tsx'
import { Materialize } from './Materialize.tsx'
import { SkewSection } from './SkewSection.tsx'
import { UsageSection } from './UsageSection.tsx'

/** What does it mean, is it fresh, is it the same offline and online, and who uses it? */
export function FeaturePage({ folder, name }: { folder: string; name: string }) {
  const kind = kindOfFolder(folder)
  if (kind === undefined)
    return (
      <Page title="Not found" lede="There is no page at this address. Press / to search." children={null} />
    )
  return <EntryPage kind={kind} name={name} />
}

function EntryPage({ kind, name }: { kind: EntryKind; name: string }) {
  const query = useQuery(entryOf(kind, name))
  const view = useQuery({ ...viewOf(name), enabled: kind === 'view' })
  const isComputed = kind === 'view' || kind === 'on_demand'
  const skew = useQuery({ ...skewOf({ source: name, days: 7 }), enabled: isComputed })
  return (
    <LoadedPage query={query} title={name} of={{ label: 'Features', href: '/features' }}>
      {(entry) => (
        <Page
          title={entry.name}
          aside={<Quiet>{kindWords[kind]}</Quiet>}
          crumbs={[{ label: 'Features', href: '/features' }]}
          lede={ledeOf(entry)}
          actions={kind === 'view' ? <Materialize name={name} /> : undefined}
        >
          <Columns>
            <Section title="About it">
              <About entry={entry} view={view.data} />
            </Section>
            <Definition entry={entry} />
          </Columns>
          {isComputed && <Loaded query={skew}>{(data: SkewReport) => <SkewSection skew={data} />}</Loaded>}
          {entry.features.length > 0 && <FeatureTable entry={entry} view={view.data} />}
          {view.data && <FreshnessOverTime view={view.data} />}
          <UsageSection entry={entry} {...(view.data && { definitionHash: view.data.spec.definitionHash })} />
          <Lineage entry={entry} view={view.data} />
        </Page>
      )}
    </LoadedPage>
  )
}

function ledeOf({ description, skew, usedBy }: EntryPage): string {
  const said = description === null ? '' : `${description}. `
  const same =
    skew === null
      ? ''
      : skew.mismatched === 0
        ? `All ${count(skew.checked)} served values that were computed again last week are what the offline data give${skew.late > 0 ? ', or were late data' : ''}. `
        : `${count(skew.mismatched)} of ${count(skew.checked)} served values differ from the offline ones. `
  const users =
    usedBy.versions === 0
      ? 'No model version uses it.'
      : `${usedBy.models.join(', ')} ${usedBy.models.length === 1 ? 'uses' : 'use'} it${usedBy.deployments.length > 0 ? `, live as ${usedBy.deployments.join(', ')}` : ''}.`
  return said + same + users
}

function About({ entry, view }: { entry: EntryPage; view: ViewDetail | undefined }) {
  const { freshness } = entry
  const newest = view?.states.at(-1)
  return (
    <Facts
      items={[
        ['Owner', entry.owner ?? <Quiet>nobody</Quiet>],
        ['Tags', entry.tags.join(', ') || <Quiet>none</Quiet>],
        ...facts(entry.entities.length > 0, [
          'About each',
          <Entities key="entities" names={entry.entities} />,
        ]),
        ...facts(entry.dataset !== null, [
          'From',
          <Link key="dataset" href={`/datasets/${entry.dataset}`}>
            {entry.dataset}
          </Link>,
        ]),
        ...facts(entry.columns.length > 0, ['Reads', entry.columns.join(', ')]),
        ...facts(freshness !== null, ['Freshness', <FreshnessState key="fresh" freshness={freshness} />]),
        ...facts(freshness !== null, ['Too old after', duration(freshness?.ttlMs ?? 0)]),
        ...facts(freshness?.storeAnswers === true, [
          'Keys',
          `${count(freshness?.keys ?? 0)}, ${count(freshness?.staleKeys ?? 0)} of them too old`,
        ]),
        ...facts(newest !== undefined, ['Online up to', <Time key="until" ms={newest?.cursorMs ?? 0} />]),
        ...facts(view !== undefined && view.spec.lookbackMs !== null, [
          'Looks back',
          duration(view?.spec.lookbackMs ?? 0),
        ]),
        ...facts((view?.spec.createdTimestamp ?? null) !== null, ['Known at', view?.spec.createdTimestamp]),
        ...facts((view?.earlier.length ?? 0) > 0, [
          'Earlier definitions',
          <State key="earlier" word={`${view?.earlier.length} kept up to date`} mood="idle" />,
        ]),
        ...facts(entry.usedBy.services.length > 0, [
          'In services',
          entry.usedBy.services.map((service, index) => (
            <span key={service}>
              {index > 0 && ', '}
              <Link href={`/features/services/${service}`}>{service}</Link>
            </span>
          )),
        ]),
      ]}
    />
  )
}

type Fact = [name: string, value: React.ReactNode]

function facts(isKnown: boolean, fact: Fact): Fact[] {
  return isKnown ? [fact] : []
}

function Entities({ names }: { names: string[] }) {
  return names.map((name, index) => (
    <span key={name}>
      {index > 0 && ', '}
      <Link href={`/features/entities/${name}`}>{name}</Link>
    </span>
  ))
}

const how = {
  entity: '',
  view: 'computed from the dataset, for training and serving alike',
  on_demand: 'called with the request, in training and in the gateway',
  service: '',
} as const satisfies Record<EntryKind, string>

function Definition({ entry: { kind, code, source } }: { entry: EntryPage }) {
  if (code === null) return null
  return (
    <Section title="Definition" note={source ? code : how[kind]}>
      <pre className={styles['code']} tabIndex={0} aria-label="Definition">
        {source || unindented(code)}
      </pre>
    </Section>
  )
}

/** SQL in a project stands as far right as the code around it. */
function unindented(code: string): string {
  const lines = code
    .replace(/^\s*\n/, '')
    .trimEnd()
    .split('\n')
  const indents = lines
    .slice(1)
    .filter((line) => line.trim() !== '')
    .map((line) => /^ */.exec(line)![0].length)
  const shared = indents.length === 0 ? 0 : Math.min(...indents)
  return lines.map((line, index) => (index === 0 ? line.trimStart() : line.slice(shared))).join('\n')
}

/** How old the newest event was whenever the view was brought online. */
function FreshnessOverTime({ view: { states, spec } }: { view: ViewDetail }) {
  const points = states.flatMap(({ atMs, newestEventMs }) =>
    newestEventMs === null ? [] : [{ atMs, value: Math.max(0, atMs - newestEventMs), limit: spec.ttlMs }],
  )
  if (points.length < 2) return null
  return (
    <Section
      title="Freshness over the last week"
      note="age of the newest value, whenever the view was brought online; dashed: too old"
    >
      <LineBand
        label="Age of the newest value"
        series={[{ name: 'age', colour: 'var(--c0)', points }]}
        format={duration}
        duration
        timeFormat={dateTime}
        band="limits"
        height={150}
        left={64}
      />
    </Section>
  )
}

function Lineage({ entry, view }: { entry: EntryPage; view: ViewDetail | undefined }) {
  if (view)
    return (
      <LineageSection title="Lineage" kind="feature_view" id={`${entry.name}@${view.spec.definitionHash}`} />
    )
  const user = entry.kind === 'service' ? entry.users[0] : undefined
  return user ? <LineageSection title="Lineage" kind="feature_service" id={user.serviceId} /> : null
}
