import type { CheckResult, ValidationReport } from '../answers.ts'
import { count, decimal } from '../format.ts'
import { Quiet, Table } from '../kit/Table.tsx'
import { State } from '../kit/State.tsx'
import styles from './Report.module.css'

/** The verdict of the checks: what failed first, then the rows that failed. */
export function Report({ report }: { report: ValidationReport }) {
  const results = [...report.results].sort((a, b) => Number(a.passed) - Number(b.passed))
  const columns = [...new Set((report.failingRows ?? []).flatMap((row) => Object.keys(row.values)))]
  return (
    <>
      <p className={styles['sentence']}>{report.sentence}</p>
      <Table
        label="Checks"
        rows={results}
        rowKey={(result) => `${result.file} ${result.check}`}
        columns={[
          { name: 'Check', cell: (result) => result.title },
          { name: 'Verdict', cell: (result) => <Verdict result={result} /> },
          { name: 'Failing', number: true, cell: (result) => failing(result) },
          { name: 'Of rows', number: true, cell: (result) => count(result.rows) },
          { name: 'File', cell: (result) => <Quiet>{result.file}</Quiet> },
        ]}
      />
      {report.failingRows && report.failingRows.length > 0 && (
        <>
          <h3 className={styles['rows']}>Failing rows</h3>
          <Table
            label="Failing rows"
            rows={report.failingRows.slice(0, 50)}
            rowKey={(row) => `${row.file} ${row.row}`}
            columns={[
              { name: 'Row', number: true, cell: (row) => count(row.row) },
              ...columns.map((column) => ({
                name: column,
                cell: (row: NonNullable<ValidationReport['failingRows']>[number]) =>
                  row.values[column] ?? <Quiet>null</Quiet>,
              })),
              { name: 'Fails', cell: (row) => row.checks.join(', ') },
            ]}
          />
        </>
      )}
    </>
  )
}

function Verdict({ result }: { result: CheckResult }) {
  if (result.passed) return <State word="passed" />
  return <State word={result.severity === 'warn' ? 'warned' : 'failed'} />
}

function failing(result: CheckResult): string {
  if (result.failing !== null) return count(result.failing)
  return result.observed === null ? '' : decimal(result.observed)
}
