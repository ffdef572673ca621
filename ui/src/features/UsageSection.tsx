import { Link } from 'wouter'
import { Version } from '../deployments/Version.tsx'
import { share } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { EntryPage, VersionUse } from './answers.ts'

const SHOWN = 50

/** The model versions that take it, deployed ones first. */
export function UsageSection({ entry, definitionHash }: { entry: EntryPage; definitionHash?: string }) {
  const { users } = entry
  if (users.length === 0)
    return (
      <Section title="Who uses it">
        <EmptyState
          what="No model version uses it. A version does that was trained on a feature service with it:"
          code={`const late = featureService('late', [${entry.kind === 'service' ? 'delays' : entry.name}])\n\ntrainingSet({ data: latest(flights), service: late, time: 'date', label: 'delay > 15' })`}
        />
      </Section>
    )
  const note = users.length > SHOWN ? `${SHOWN} of ${users.length} versions` : undefined
  return (
    <Section title="Who uses it" note={note}>
      <Table
        label="Versions that use it"
        rows={users.slice(0, SHOWN)}
        rowKey={(row) => row.modelVersionId}
        columns={[
          { name: 'Version', cell: (row) => <Version model={row.model} version={row.version} /> },
          { name: 'Aliases', cell: (row) => row.aliases.join(', ') || <Quiet>–</Quiet> },
          { name: 'Deployed', cell: (row) => <Deployed user={row} /> },
          {
            name: 'Service',
            cell: (row) => (
              <Link href={`/features/services/${encodeURIComponent(row.service)}`}>{row.service}</Link>
            ),
          },
          {
            name: 'Takes',
            number: true,
            cell: (row) => <span title={row.features.join(', ')}>{row.features.length}</span>,
          },
          { name: 'What it rests on', wrap: true, cell: (row) => <Importance user={row} /> },
          ...(definitionHash === undefined
            ? []
            : [
                {
                  name: 'Definition',
                  cell: (row: VersionUse) =>
                    row.definitionHash === definitionHash ? 'this one' : <State word="earlier" mood="idle" />,
                },
              ]),
          { name: 'Registered', cell: (row) => <Time ms={row.createdMs} /> },
        ]}
      />
    </Section>
  )
}

function Deployed({ user }: { user: VersionUse }) {
  if (user.deployments.length === 0) return <Quiet>–</Quiet>
  return user.deployments.map(({ deployment, role }, index) => (
    <span key={`${deployment}/${role}`}>
      {index > 0 && ', '}
      <Link href={`/deployments/${deployment}`}>{deployment}</Link> <Quiet>{role}</Quiet>
    </span>
  ))
}

function Importance({ user: { importance } }: { user: VersionUse }) {
  if (importance === null) return <Quiet>not measured</Quiet>
  const known = importance.features.slice(0, 4).map(({ feature, share: part }) => `${feature} ${share(part)}`)
  return <span title={importanceMeans(importance)}>{known.join(', ')}</span>
}

export function importanceMeans({ of }: { of: 'auc' | 'variance' }): string {
  const whole = of === 'auc' ? 'its AUC above one half' : 'the variance that it explains'
  return `share of ${whole} that a version loses when the feature is shuffled`
}
