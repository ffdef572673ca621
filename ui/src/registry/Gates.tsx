import type { GateReport, GateResult } from '../answers.ts'
import { type DotRow, IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { signed } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { moodColour, moodOf, wordOf } from '../kit/tone.ts'
import { metricName, verdictWord } from './judged.ts'

/** Each rule with its interval beside what it compares with. */
export function Gates({ report }: { report: GateReport | undefined }) {
  const drawn = (report?.results ?? []).flatMap((result) => rowOf(result) ?? [])
  return (
    <Section title="Gates" note="a point difference decides nothing: the interval does">
      {report === undefined && <Quiet>No gate has judged it.</Quiet>}
      {drawn.length > 0 && (
        <IntervalDotPlot
          quiet
          label="Gain of this version against what each rule compares with; dashed is the bound of the rule"
          sides={{ left: 'worse', right: 'better' }}
          format={(value) => signed(value, 4)}
          rows={drawn}
        />
      )}
      {report && (
        <Table
          label="Gates"
          rows={report.results}
          rowKey={(result) => `${result.gate} ${String(result.numbers['metric'] ?? '')}`}
          columns={[
            { name: 'Rule', cell: (result) => ruleName(result) },
            { name: 'Verdict', cell: (result) => <State word={verdictWord(result.verdict)} /> },
            { name: 'Why', wrap: true, cell: (result) => result.sentence },
          ]}
        />
      )}
    </Section>
  )
}

function rowOf(result: GateResult): DotRow | undefined {
  const { gain, lower, upper, bound, against } = result.numbers
  if (typeof gain !== 'number' || typeof lower !== 'number' || typeof upper !== 'number') return undefined
  return {
    name: ruleName(result),
    ...(typeof against === 'string' && { detail: `against ${against}` }),
    value: gain,
    lower,
    upper,
    ...(typeof bound === 'number' && { threshold: bound }),
    colour: moodColour[moodOf(verdictWord(result.verdict))],
  }
}

function ruleName({ gate, numbers }: GateResult): string {
  const metric = numbers['metric']
  return typeof metric === 'string' ? `${wordOf(gate)}, ${metricName(metric)}` : wordOf(gate)
}
