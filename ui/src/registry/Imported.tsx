import type { ImportReport, ModelVersion } from '../answers.ts'
import { bytes, count } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Section } from '../kit/Page.tsx'

/** What an imported file is, what was edited in it, and what it costs. */
export function Imported({ version }: { version: ModelVersion }) {
  const { importReport: report, signature, problem, python } = version
  if (problem !== undefined)
    return (
      <Section title="Why it can’t be served">
        <p>{problem}</p>
      </Section>
    )
  if (python)
    return (
      <Section title="How it is served" note="MLflow pyfunc">
        <Facts
          items={[
            ['By', 'a Python process that runs the code among its files'],
            ['Takes', python.table ? 'a table' : 'tensors'],
            ['Score', scoreOf(signature)],
            ['Files', python.files.map(({ path }) => path).join(', ')],
          ]}
        />
      </Section>
    )
  if (!report) return null
  return (
    <Section title="The imported file" note={`measured on ${report.processor}`}>
      <Facts
        items={[
          ['File', `${bytes(report.sizeBytes)}, ${report.producer || 'producer not said'}`],
          [
            'Operators',
            Object.entries(report.opsets)
              .map(([domain, opset]) => `${domain} ${opset}`)
              .join(', '),
          ],
          ['Edited', report.changes.length === 0 ? 'nothing' : report.changes.join('. ')],
          ...(signature?.classes
            ? [['Classes', signature.classes.join(', ')] satisfies [string, string]]
            : []),
          ['Score', scoreOf(signature)],
          ['Golden batch', goldenOf(report)],
          ['Loads in', `${report.loadMs} ms`],
          ['Memory', bytes(report.residentBytes)],
          ...report.latency.map(({ rows, p50Us, p99Us }): [string, string] => [
            `A call with ${rows} ${rows === 1 ? 'row' : 'rows'}`,
            `p50 ${p50Us} µs, p99 ${p99Us} µs`,
          ]),
        ]}
      />
    </Section>
  )
}

function scoreOf(signature: ModelVersion['signature']): string {
  const { score, classes } = signature ?? {}
  if (!score) return 'not said'
  if (score.column === undefined) return `the largest of ${score.output}`
  const of = classes?.[score.column]
  return of === undefined ? score.output : `${score.output}, of class ${of}`
}

function goldenOf({ golden }: ImportReport): string {
  if (!golden) return 'none was given'
  const { rows, largestDifference, absolute, relative } = golden
  return `${count(rows)} rows agree; largest difference ${largestDifference.toPrecision(2)}, allowed ${absolute} + ${relative} × |expected|`
}
