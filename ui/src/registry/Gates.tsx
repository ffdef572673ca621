import type { GateView } from '../answers.ts'
import { type DotRow, IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { signed } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { moodColour, moodOf } from '../kit/tone.ts'
import { verdictWord } from './judged.ts'

/** Each rule with its interval beside what it compares with. */
export function Gates({ gates }: { gates: GateView[] }) {
  const drawn = gates.flatMap((result) => rowOf(result) ?? [])
  return (
    <Section title="Gates" note="a point difference decides nothing: the interval does">
      {gates.length === 0 && <Quiet>No gate has judged it.</Quiet>}
      {drawn.length > 0 && (
        <IntervalDotPlot
          quiet
          label="Gain of this version against what each rule compares with; dashed is the bound of the rule"
          sides={{ left: 'worse', right: 'better' }}
          format={(value) => signed(value, 4)}
          rows={drawn}
        />
      )}
      {gates.length > 0 && (
        <Table
          label="Gates"
          rows={gates}
          rowKey={(result) => result.name}
          columns={[
            { name: 'Rule', cell: (result) => result.name.replace('auc', 'AUC') },
            { name: 'Verdict', cell: (result) => <State word={verdictWord(result.verdict)} /> },
            { name: 'Why', wrap: true, cell: (result) => result.sentence },
          ]}
        />
      )}
    </Section>
  )
}

/** Only a gain over another model has a zero to be read against. */
function rowOf(result: GateView): DotRow | undefined {
  const { value, lower, upper, threshold, against, verdict } = result
  if (value === undefined || against === undefined) return undefined
  return {
    name: result.name.replace('auc', 'AUC'),
    detail: `against ${against}`,
    value,
    lower,
    upper,
    threshold,
    colour: moodColour[moodOf(verdictWord(verdict))],
  }
}
