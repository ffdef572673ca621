import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Overview } from '../answers.ts'
import { overview } from '../api.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { Sentences } from '../kit/Sentence.tsx'
import { State } from '../kit/State.tsx'
import { Table } from '../kit/Table.tsx'
import { moodOf } from '../kit/tone.ts'
import { Loop } from './Loop.tsx'
import styles from './OverviewPage.module.css'

const shown = 14

/** What is going on, and what needs me? */
export function OverviewPage() {
  const query = useQuery(overview())
  return (
    <LoadedPage query={query} title="Overview">
      {(data) => (
        <Page title={data.project} lede={summary(data)}>
          <Loop stations={data.stations} />
          <NeedsYou items={data.needsYou} />
          <Columns wide="left">
            <Section title="What happened" note={<Link href="/decisions">All decisions</Link>}>
              <Happened items={data.happened.slice(0, shown)} />
            </Section>
            <Section title="Deployments" note={<Link href="/deployments">All</Link>}>
              <Deployed items={data.deployments} />
            </Section>
          </Columns>
        </Page>
      )}
    </LoadedPage>
  )
}

function summary(data: Overview): string {
  const waiting = data.needsYou.length
  const serving = data.deployments.filter((one) => one.stable.includes('/')).map((one) => one.stable)
  const changing = data.deployments.filter((one) => one.candidate !== undefined)
  const parts = [
    serving.length === 0
      ? 'Nothing is served yet.'
      : `${list(serving)} ${serving.length === 1 ? 'is' : 'are'} serving${changing.length === 0 ? '.' : `; ${list(changing.map((one) => `${one.candidate} is on trial beside ${one.stable}`))}.`}`,
    waiting === 0
      ? 'Nothing needs you.'
      : `${waiting === 1 ? 'One thing needs' : `${waiting} things need`} you.`,
  ]
  return parts.join(' ')
}

function list(words: string[]): string {
  return words.length <= 1 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

function NeedsYou({ items }: { items: Overview['needsYou'] }) {
  return (
    <Section title={`Needs you (${items.length})`}>
      {items.length === 0 ? (
        <p className={styles['calm']}>
          <State word="nothing" mood="good" /> Whatever was decided lately, Tidemill could decide by itself.
        </p>
      ) : (
        <Sentences
          label="Needs you"
          items={items.map((item) => ({
            ...item,
            mood: moodOf(item.severity),
            word: item.severity,
            more: item.href?.startsWith('/promotions/') ? 'Review' : 'Why',
          }))}
        />
      )}
    </Section>
  )
}

function Happened({ items }: { items: Overview['happened'] }) {
  if (items.length === 0) {
    return (
      <EmptyState
        what="Decisions appear here as sentences: what was decided, on which numbers, and why."
        code={'tidemill init my-project   # a project that runs\ncd my-project\ntidemill up'}
      />
    )
  }
  return (
    <Sentences
      label="What happened"
      items={items.map((item) => ({ ...item, mood: moodOfKind(item.kind), word: item.kind }))}
    />
  )
}

/** The overview gives a kind such as "alert.raised" or "gate"; a neutral dot where the kind alone says neither good nor bad. */
function moodOfKind(kind: string) {
  const last = kind.split('.').at(-1) ?? kind
  return moodOf(last)
}

function Deployed({ items }: { items: Overview['deployments'] }) {
  if (items.length === 0) {
    return <EmptyState what="No endpoint yet." code={'tidemill deploy model.onnx --name churn'} />
  }
  return (
    <Table
      label="Deployments"
      rows={items}
      rowKey={(item) => item.name}
      columns={[
        { name: 'Name', cell: (item) => <Link href={`/deployments/${item.name}`}>{item.name}</Link> },
        { name: 'Serves', cell: (item) => item.stable || '–' },
        { name: 'On trial', cell: (item) => item.candidate ?? '–' },
        { name: 'State', cell: (item) => <State word={item.state} /> },
      ]}
    />
  )
}
