import { useQuery } from '@tanstack/react-query'
import { count, decimal, share } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import type { ColumnDiff, DatasetDiff } from './answers.ts'
import { datasetDiff } from './api.ts'
import styles from './DatasetPage.module.css'

/** From here on a column's distribution is said to have moved: PSI's usual mark of a moderate shift. */
const MOVED = 0.1
const columnsAtFirst = 12

/** How the chosen version differs from an earlier one; which, stands in the address. */
export function Difference({ name, number }: { name: string; number: number }) {
  const [chosen, choose] = useParam('against', String(number - 1))
  if (number < 2) return null
  const against = Number(chosen) >= 1 && Number(chosen) < number ? Math.floor(Number(chosen)) : number - 1
  return (
    <Section
      title={`What changed in v${number}`}
      note={
        <label>
          beside v{' '}
          <input
            type="number"
            className={styles['against']}
            aria-label="Beside which version"
            min={1}
            max={number - 1}
            value={against}
            onChange={(event) => choose(event.target.value)}
          />
        </label>
      }
    >
      <Compared name={name} from={against} to={number} />
    </Section>
  )
}

function Compared({ name, from, to }: { name: string; from: number; to: number }) {
  const query = useQuery(datasetDiff(name, from, to))
  return (
    <Loaded query={query}>
      {(diff) =>
        diff.same ? (
          <Quiet>Nothing: schema and rows are the same.</Quiet>
        ) : (
          <>
            <Facts items={factsOf(diff)} />
            <Columns diff={diff} />
          </>
        )
      }
    </Loaded>
  )
}

function factsOf({ from, to, parts, schemaChange }: DatasetDiff): [string, React.ReactNode][] {
  return [
    ['Rows', `${count(from.rows)} → ${count(to.rows)} (${added(to.rows - from.rows)})`],
    ['Parts', parts === null ? 'not known: retention took the rows of one' : partsText(parts)],
    [
      'Schema',
      schemaChange === null ? (
        'the same'
      ) : (
        <>
          <State word={schemaChange.kind} mood={schemaChange.kind === 'breaking' ? 'bad' : 'attention'} />{' '}
          {schemaChange.changes.join(', ')}
        </>
      ),
    ],
  ]
}

function Columns({ diff }: { diff: DatasetDiff }) {
  return (
    <Table
      label="Columns that both have"
      rows={diff.columns}
      few={columnsAtFirst}
      rowKey={(column) => column.name}
      columns={[
        { name: 'Column', cell: (column) => <span title={column.name}>{column.name}</span> },
        { name: 'Distribution', cell: (column) => <Moved column={column} /> },
        {
          name: 'PSI',
          number: true,
          cell: ({ distances }) => (distances === null ? '' : decimal(distances.psi, 3)),
        },
        {
          name: 'Moved by',
          number: true,
          cell: ({ distances }) =>
            distances?.wassersteinSd == null ? '' : `${decimal(distances.wassersteinSd, 2)} sd`,
        },
        {
          name: 'Missing',
          number: true,
          cell: ({ from, to }) => change(from.nullShare, to.nullShare, share),
        },
        { name: 'Distinct', number: true, cell: ({ from, to }) => change(from.distinct, to.distinct, count) },
        {
          name: 'Mean',
          number: true,
          cell: ({ from, to }) =>
            from.mean === null || to.mean === null ? '' : change(from.mean, to.mean, decimal),
        },
      ]}
    />
  )
}

function Moved({ column: { distances } }: { column: ColumnDiff }) {
  if (distances === null) return <Quiet>–</Quiet>
  return distances.psi >= MOVED ? <State word="moved" mood="attention" /> : <Quiet>steady</Quiet>
}

function change(before: number, after: number, text: (value: number) => string): string {
  const [one, other] = [text(before), text(after)]
  return one === other ? one : `${one} → ${other}`
}

function partsText({
  kept,
  added,
  addedRows,
  removed,
  removedRows,
}: NonNullable<DatasetDiff['parts']>): string {
  return [
    `${count(kept)} kept`,
    ...(added > 0 ? [`${count(added)} new with ${count(addedRows)} rows`] : []),
    ...(removed > 0 ? [`${count(removed)} gone with ${count(removedRows)} rows`] : []),
  ].join(', ')
}

function added(rows: number): string {
  return rows > 0 ? `+${count(rows)}` : count(rows)
}
