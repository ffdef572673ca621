import type { EvaluationRow } from '../answers.ts'
import { count } from '../format.ts'
import { Interval } from '../kit/Interval.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { metricName } from './judged.ts'

/** Candidate, champion and baseline on the same holdout. */
export function Evaluations({ rows }: { rows: EvaluationRow[] }) {
  const [first] = rows
  if (first === undefined) {
    return (
      <Section title="Evaluations">
        <Quiet>It was not evaluated.</Quiet>
      </Section>
    )
  }
  const metrics = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))]
  return (
    <Section
      title="Evaluations"
      note={
        <>
          the same {count(first.rows)} rows{first.days > 0 && ` of ${first.days} days`} for all; holdout{' '}
          <code>{first.holdout.slice(0, 8)}</code>
        </>
      }
    >
      <Table
        label="Evaluations"
        rows={rows}
        rowKey={(row) => `${row.role} ${row.subject}`}
        columns={[
          { name: 'Model', cell: (row) => <strong>{row.subject}</strong> },
          { name: 'Role', cell: (row) => row.role },
          ...metrics.map((metric) => ({
            name: metricName(metric),
            cell: (row: EvaluationRow) => {
              const bounds = row.metrics[metric]
              return bounds === undefined ? '–' : <Interval of={bounds} digits={4} />
            },
          })),
        ]}
      />
    </Section>
  )
}
