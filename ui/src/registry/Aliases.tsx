import { Link } from 'wouter'
import type { AliasPolicy, ModelDetail } from '../answers.ts'
import { Version } from '../deployments/Version.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'

/** Where each alias points, who pointed it there, and what must be so before it moves. */
export function Aliases({ model }: { model: ModelDetail }) {
  const policies = new Map(model.protections.map(({ alias, policy }) => [alias, policy]))
  const pointed = new Map(model.pointed.map((one) => [one.alias, one]))
  const names = [...new Set([...pointed.keys(), ...policies.keys()])].sort()
  return (
    <Section title="Aliases" note="a protected one moves by an approved promotion alone">
      {names.length === 0 ? (
        <Quiet>No alias points at a version.</Quiet>
      ) : (
        <Table
          label="Aliases"
          rows={names}
          rowKey={(name) => name}
          columns={[
            { name: 'Alias', cell: (name) => <strong>{name}</strong> },
            {
              name: 'Points at',
              cell: (name) => {
                const one = pointed.get(name)
                return one ? <Version model={model.name} version={one.version} /> : <Quiet>nothing</Quiet>
              },
            },
            { name: 'Set by', cell: (name) => <SetBy one={pointed.get(name)} /> },
            {
              name: 'Protection',
              wrap: true,
              cell: (name) => {
                const policy = policies.get(name)
                return policy ? policyText(policy) : <Quiet>none</Quiet>
              },
            },
          ]}
        />
      )}
    </Section>
  )
}

function SetBy({ one }: { one: ModelDetail['pointed'][number] | undefined }) {
  if (one === undefined) return null
  return (
    <>
      {one.setBy ?? <Quiet>not kept</Quiet>} · <Time ms={one.setMs} />
      {one.promotionId !== null && (
        <>
          {' '}
          · <Link href={`/promotions/${one.promotionId}`}>promotion</Link>
        </>
      )}
    </>
  )
}

function policyText({ approvals, byOthers, from, gates }: AliasPolicy): string {
  const who = from === 'owner' ? 'the owner' : from === 'admin' ? 'an admin' : `a ${from} or above`
  const asked =
    approvals === 0 ? 'no approval' : `${approvals} approval${approvals === 1 ? '' : 's'} by ${who}`
  const others = byOthers && approvals > 0 ? ', not who opened or registered it' : ''
  return `${asked}${others}${gates ? '; all gates passed' : ''}`
}
