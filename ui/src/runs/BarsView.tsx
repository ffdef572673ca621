import { Link } from 'wouter'
import { ShowData } from '../charts/ChartFrame.tsx'
import { written } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { runColour } from '../palette.ts'
import type { RunComparison } from './answers.ts'
import type { Comparison } from './compare-state.ts'
import styles from './Compare.module.css'
import { MetricChoice } from './MetricChoice.tsx'

const shown = 40

/** One metric, the best run first. Bars begin at zero unless all values are close to one another: then the axis begins below the least. */
export function BarsView({ data, comparison }: { data: RunComparison; comparison: Comparison }) {
  const { metric, chosen, labels } = comparison
  if (!metric) return <Quiet>These runs have no metric.</Quiet>
  const rows = data.runs
    .map((run, index) => ({
      run,
      label: labels[index] ?? run.name,
      value: metric.values[index],
      chosen: chosen[index],
    }))
    .flatMap(({ value, ...row }) => (typeof value === 'number' && row.chosen ? [{ ...row, value }] : []))
    .sort((a, b) => (metric.lowerIsBetter ? a.value - b.value : b.value - a.value))
  const values = rows.map(({ value }) => value)
  const high = Math.max(0, ...values)
  const low = Math.min(...values)
  const from =
    low > 0 && high > low && (high - low) / high < 0.25 ? low - (high - low) * 0.25 : Math.min(0, low)
  const part = (value: number) => (high === from ? 100 : (100 * (value - from)) / (high - from))
  return (
    <Section title={metric.name} note={<MetricChoice comparison={comparison} />}>
      {from > 0 && <Quiet>Bars begin at {written(from)}, not at zero.</Quiet>}
      <ol className={styles['bars']} aria-label={`Runs by ${metric.name}`}>
        {rows.slice(0, shown).map(({ run, label, value }) => (
          <li key={run.id}>
            <Link href={`/runs/${run.id}`} title={label}>
              {label}
            </Link>
            <span className={styles['bar']} aria-hidden>
              <span style={{ width: `${part(value)}%`, background: runColour(run.id) }} />
            </span>
            <span>{written(value)}</span>
          </li>
        ))}
      </ol>
      {rows.length > shown && (
        <Quiet>
          The {shown} best of {rows.length}.
        </Quiet>
      )}
      <ShowData
        label={metric.name}
        data={{
          columns: ['Run', metric.name],
          rows: () => rows.map(({ label, value }) => [label, String(value)]),
        }}
      />
    </Section>
  )
}
