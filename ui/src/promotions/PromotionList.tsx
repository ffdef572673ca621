import { Link } from 'wouter'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { Promotion } from './answers.ts'

export function PromotionList({ items, label = 'Promotions' }: { items: Promotion[]; label?: string }) {
  return (
    <Table
      label={label}
      rows={items}
      rowKey={(item) => item.id}
      columns={[
        {
          name: 'Promotion',
          cell: (item) => (
            <Link href={`/promotions/${item.id}`}>
              {item.model}/{item.version} to {item.alias}
            </Link>
          ),
        },
        { name: 'State', cell: (item) => <State word={item.state} /> },
        {
          name: 'In the place of',
          cell: (item) =>
            item.holderVersion === null ? <Quiet>nothing</Quiet> : `${item.model}/${item.holderVersion}`,
        },
        { name: 'By', cell: (item) => item.author },
        { name: 'Waits for', cell: (item) => item.waitsFor ?? <Quiet>–</Quiet> },
        { name: 'Opened', cell: (item) => <Time ms={item.createdMs} /> },
      ]}
    />
  )
}
