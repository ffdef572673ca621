import { count, moment, decimal, share } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { SearchField } from '../kit/SearchField.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import type { ColumnSummary, DatasetVersionDetail, PersonalColumn } from './answers.ts'
import { personalText } from './ColumnDetail.tsx'
import styles from './DatasetPage.module.css'
import { ValueShape } from './ValueShape.tsx'

const worthASearch = 20
const columnsAtFirst = 40

/** One row a column: its shape beside the version before, what is missing, its range. */
export function ColumnStrips({
  version,
  before,
  chosen,
  onChoose,
}: {
  version: DatasetVersionDetail
  before: DatasetVersionDetail | undefined
  /** The column that is shown at full size. */
  chosen: string
  onChoose: (column: string) => void
}) {
  const personal = new Map(version.personal.map((one) => [one.column, one]))
  const earlier = new Map(before?.summary.columns.map((column) => [column.name, column]))
  const [wanted, setWanted] = useParam('find', '')
  const columns = version.summary.columns.filter(({ name }) =>
    name.toLowerCase().includes(wanted.trim().toLowerCase()),
  )
  return (
    <>
      {version.summary.columns.length > worthASearch && (
        <SearchField label="Find a column" value={wanted} onChange={setWanted} />
      )}
      {columns.length === 0 ? (
        <Quiet>No column has “{wanted}” in its name.</Quiet>
      ) : (
        <Table
          label="Columns"
          rows={columns}
          few={columnsAtFirst}
          rowKey={(column) => column.name}
          columns={[
            {
              name: 'Column',
              cell: (column) => (
                <button
                  type="button"
                  className={styles['version']}
                  title={column.name}
                  aria-pressed={column.name === chosen}
                  onClick={() => onChoose(column.name === chosen ? '' : column.name)}
                >
                  {column.name}
                </button>
              ),
            },
            { name: 'Type', cell: (column) => <Quiet>{column.type.toLowerCase()}</Quiet> },
            {
              name: 'Values',
              cell: (column) => <ValueShape column={column} before={earlier.get(column.name)} />,
            },
            {
              name: 'Missing',
              number: true,
              cell: (column) =>
                column.nulls === 0 ? <Quiet>none</Quiet> : share(column.nulls / column.rows),
            },
            {
              name: 'Distinct',
              number: true,
              cell: (column) => `${column.distinctExact ? '' : '≈ '}${count(column.distinct)}`,
            },
            {
              name: 'Mean',
              number: true,
              cell: (column) =>
                column.mean === null || column.kind !== 'number' ? '' : decimal(column.mean),
            },
            { name: 'From', number: true, cell: (column) => edge(column, column.min) },
            { name: 'To', number: true, cell: (column) => edge(column, column.max) },
            ...(version.personal.length === 0
              ? []
              : [
                  {
                    name: 'Personal',
                    cell: (column: ColumnSummary) => <Personal column={personal.get(column.name)} />,
                  },
                ]),
          ]}
        />
      )}
    </>
  )
}

function Personal({ column }: { column: PersonalColumn | undefined }) {
  if (column === undefined) return null
  const untold = column.policy === null && column.confidence !== 'low'
  return (
    <span title={personalText(column)}>
      <State
        word={column.policy === null ? (column.kind ?? 'personal').replaceAll('_', ' ') : policyWord(column)}
        mood={untold ? 'attention' : 'idle'}
      />
    </span>
  )
}

function policyWord({ policy }: PersonalColumn): string {
  if (policy === false) return 'not personal'
  return typeof policy === 'string' ? policy : 'generalised'
}

function edge(column: ColumnSummary, value: number | string | null): string {
  if (value === null) return ''
  if (column.kind === 'timestamp' && typeof value === 'number') return moment(value)
  return typeof value === 'number' ? decimal(value) : value
}
