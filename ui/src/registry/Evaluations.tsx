import type { Evaluation, EvaluationSubject } from '../answers.ts'
import { count } from '../format.ts'
import { Interval } from '../kit/Interval.tsx'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { boundsOf, metricName } from './judged.ts'

/** Candidate, champion and baseline on the same holdout. */
export function Evaluations({ evaluation }: { evaluation: Evaluation | undefined }) {
  if (evaluation === undefined) {
    return (
      <Section title="Evaluations">
        <Quiet>It was not evaluated.</Quiet>
      </Section>
    )
  }
  const { holdout, subjects } = evaluation
  const metrics = [...new Set(subjects.flatMap((subject) => Object.keys(subject.metrics)))]
  return (
    <Section
      title="Evaluations"
      note={
        <>
          {count(holdout.rows)} rows, {holdout.days.length} days from {holdout.days[0]} to{' '}
          {holdout.days.at(-1)}; holdout <code>{holdout.digest.slice(0, 8)}</code>
        </>
      }
    >
      <Table
        label="Evaluations"
        rows={subjects}
        rowKey={(subject) => `${subject.role} ${subject.name}`}
        columns={[
          { name: 'Model', cell: (subject) => <strong>{subject.name}</strong> },
          { name: 'Role', cell: (subject) => subject.role },
          ...metrics.map((metric) => ({
            name: metricName(metric),
            cell: (subject: EvaluationSubject) => {
              const bounds = boundsOf(subject, metric)
              return bounds === undefined ? '–' : <Interval of={bounds} digits={4} />
            },
          })),
        ]}
      />
    </Section>
  )
}
