import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { count, exact, toTheSecond } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Field, Form } from '../kit/Field.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { Time } from '../kit/Time.tsx'
import { auditLog, auditSeal, auditState, type AuditItem, type AuditState } from '../people/api.ts'

const SIZE = 100

/** Who did what, and what was live on that day? */
export function AuditPage() {
  return (
    <Page title="Audit" lede={<SealLine />}>
      <Day />
      <Log />
    </Page>
  )
}

function SealLine() {
  const { data } = useQuery({ ...auditSeal(), staleTime: 60_000 })
  if (!data) return <>Who did what, sealed by a chain of hashes.</>
  if (data.brokenAt !== null)
    return <strong>The log was changed: entry {data.brokenAt} does not follow from those before it.</strong>
  if (!data.last) return <>Nothing is sealed yet.</>
  return (
    <>
      {count(data.sealed)} entries are sealed, and the chain holds until <Time ms={data.last.atMs} plain />.{' '}
      <Quiet>
        <span title={data.last.hash}>Seal {data.last.hash.slice(0, 12)}…</span>
      </Quiet>
    </>
  )
}

function Day() {
  const [at, setAt] = useParam('at', '')
  const atMs = at === '' ? undefined : Date.parse(at)
  return (
    <Section title="In production on a day">
      <Form label="In production on a day" onSubmit={({ at: chosen = '' }) => setAt(chosen)}>
        <Field label="At" name="at" type="datetime-local" required defaultValue={at} />
        <Button submit>Show</Button>
      </Form>
      {atMs !== undefined && !Number.isNaN(atMs) && <State atMs={atMs} />}
    </Section>
  )
}

function State({ atMs }: { atMs: number }) {
  const query = useQuery(auditState(atMs))
  return <Loaded query={query}>{(state) => <StateTables {...state} />}</Loaded>
}

function StateTables({ deployments, aliases }: AuditState) {
  if (deployments.length + aliases.length === 0)
    return <EmptyState what="Nothing was deployed then, and no alias pointed anywhere." />
  return (
    <>
      {deployments.length > 0 && (
        <Table
          label="Deployments then"
          rows={deployments}
          rowKey={({ deployment }) => deployment}
          columns={[
            {
              name: 'Deployment',
              cell: ({ deployment }) => <Link href={`/deployments/${deployment}`}>{deployment}</Link>,
            },
            { name: 'Served', cell: ({ model, version }) => `${model}/${version}` },
            { name: 'Since', cell: ({ sinceMs }) => <Time ms={sinceMs} plain /> },
            { name: 'Put there by', cell: ({ by }) => by?.actor ?? 'unknown' },
            {
              name: 'Because',
              cell: ({ by, decision }) => decision?.sentence ?? by?.sentence ?? '',
              wrap: true,
            },
          ]}
        />
      )}
      {aliases.length > 0 && (
        <Table
          label="Aliases then"
          rows={aliases}
          rowKey={({ model, alias }) => `${model}@${alias}`}
          columns={[
            { name: 'Alias', cell: ({ model, alias }) => `${model}@${alias}` },
            { name: 'Pointed at', cell: ({ version }) => `version ${version}` },
            { name: 'Since', cell: ({ sinceMs }) => <Time ms={sinceMs} plain /> },
            { name: 'Set by', cell: ({ actor }) => actor },
          ]}
        />
      )}
    </>
  )
}

function Log() {
  const [by, setBy] = useParam('by', '')
  const [action, setAction] = useParam('action', '')
  const [text, setText] = useParam('text', '')
  const [pageToken, setPageToken] = useParam('before', '')
  const [where] = useParam('where', '')
  const everywhere = where === 'everywhere' ? 'true' : undefined
  const query = useQuery(auditLog({ by, action, text, pageToken, everywhere, limit: SIZE }))
  return (
    <Section title="Who did what">
      <Tabs
        name="where"
        label="Entries of"
        options={[
          { value: '', label: 'This project' },
          { value: 'everywhere', label: 'Everything, sign-ins too' },
        ]}
      />
      <Form
        label="Find entries"
        onSubmit={(values) => {
          setBy(values['by'] ?? '')
          setAction(values['action'] ?? '')
          setText(values['text'] ?? '')
          setPageToken('')
        }}
      >
        <Field label="Who" name="by" defaultValue={by} />
        <Field label="Action, such as rollout." name="action" defaultValue={action} />
        <Field label="Text" name="text" defaultValue={text} />
        <Button submit>Find</Button>
      </Form>
      <Loaded query={query}>
        {({ items, nextPageToken }) => (
          <>
            <Entries items={items} />
            {nextPageToken !== undefined && (
              <Button onPress={() => setPageToken(nextPageToken)}>Older entries</Button>
            )}
          </>
        )}
      </Loaded>
    </Section>
  )
}

function Did({ item }: { item: AuditItem }) {
  const href = subjectHref(item)
  return href === undefined ? item.sentence : <Link href={href}>{item.sentence}</Link>
}

/** The page of what was acted on, where there is one. */
function subjectHref({ action, subject, detail }: AuditItem): string | undefined {
  const [room, verb] = action.split('.')
  const path = subject.split('/').map(encodeURIComponent)
  if (typeof detail['promotionId'] === 'string') return `/promotions/${detail['promotionId']}`
  if (typeof detail['reportId'] === 'string') return `/reports/${detail['reportId']}`
  if (room === 'tracking' && /^[0-9a-f]{32}$/.test(subject)) return `/runs/${subject}`
  if (room === 'tracking' && verb === 'create_experiment') return `/runs?experiment=${path[0]}`
  if (room === 'registry' && path.length === 2) return `/models/${path[0]}/versions/${path[1]}`
  if (room === 'registry') return `/models/${path[0]}`
  if (action === 'data.ingest') return `/datasets/${path[0]}?version=${String(detail['version'])}`
  if (action === 'pipelines.start_run') return `/pipeline-runs/${path[0]}`
  return undefined
}

function Entries({ items }: { items: AuditItem[] }) {
  if (items.length === 0) return <EmptyState what="No entry says this." />
  return (
    <Table
      label="Audit log"
      rows={items}
      rowKey={({ seq }) => String(seq)}
      columns={[
        { name: 'When', cell: ({ atMs }) => <span title={exact(atMs)}>{toTheSecond(atMs)}</span> },
        { name: 'Who', cell: ({ actor }) => actor },
        { name: 'Did', cell: (item) => <Did item={item} />, wrap: true },
        { name: 'Action', cell: ({ action }) => <Quiet>{action}</Quiet> },
        { name: 'Sealed', cell: ({ sealed }) => (sealed ? 'yes' : 'not yet') },
      ]}
    />
  )
}
