import { count, decimal } from '../format.ts'
import { Quiet, Table } from '../kit/Table.tsx'
import { State } from '../kit/State.tsx'
import type { CheckResult, FailingRow, ReportDetail, ValidationReport } from './answers.ts'
import styles from './Report.module.css'

/** The verdict of the checks: what failed first, then the rows that failed. */
export function Report({
  report,
  told = false,
}: {
  report: ValidationReport & Partial<Pick<ReportDetail, 'failingRows'>>
  told?: boolean
}) {
  const results = [...report.results].sort((a, b) => Number(a.passed) - Number(b.passed))
  const several = new Set(results.map(({ file }) => file)).size > 1
  return (
    <>
      {!told && <p className={styles['sentence']}>{report.sentence}</p>}
      <Table
        label="Checks"
        rows={results}
        rowKey={(result) => `${result.file ?? ''} ${result.title}`}
        columns={[
          { name: 'Check', cell: (result) => result.title },
          { name: 'Verdict', cell: (result) => <Verdict result={result} /> },
          { name: 'Failing', number: true, cell: (result) => failing(result) },
          { name: 'Of rows', number: true, cell: (result) => count(result.rows) },
          ...(several
            ? [
                {
                  name: 'File',
                  cell: (result: CheckResult) => <Quiet>{result.file ?? 'all together'}</Quiet>,
                },
              ]
            : []),
        ]}
      />
      {report.failingRows && report.failingRows.length > 0 && <FailingRows rows={report.failingRows} />}
    </>
  )
}

const few = 5

function FailingRows({ rows }: { rows: FailingRow[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.values)))]
  return (
    <>
      <h3 className={styles['rows']}>Failing rows</h3>
      <Table
        label="Failing rows"
        rows={rows}
        few={few}
        rowKey={(row) => `${row.file} ${row.row}`}
        columns={[
          { name: 'Row', cell: (row) => count(row.row) },
          ...columns.map((column) => ({
            name: column,
            cell: (row: FailingRow) => row.values[column] ?? <Quiet>null</Quiet>,
          })),
          { name: 'Fails', cell: (row) => row.checks.join(', ') },
        ]}
      />
    </>
  )
}

function Verdict({ result }: { result: CheckResult }) {
  if (result.passed) return <State word="passed" />
  return <State word={result.severity === 'warn' ? 'warned' : 'failed'} />
}

/** A check on the file as a whole has no failing rows: what it measured stands there. */
function failing(result: CheckResult) {
  if (result.failing !== null) return count(result.failing)
  return result.observed === null ? '' : <Quiet>measured {measured(result.observed)}</Quiet>
}

function measured(value: number): string {
  return Number.isInteger(value) ? count(value) : decimal(value)
}
