import { useQuery } from '@tanstack/react-query'
import type { MetricVerdict, RolloutDetail } from '../answers.ts'
import { rollout } from '../api.ts'
import { IntervalDotPlot } from '../charts/IntervalDotPlot.tsx'
import { count, signed } from '../format.ts'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Table } from '../kit/Table.tsx'
import { moodColour, moodOf } from '../kit/tone.ts'
import styles from './Judgement.module.css'
import { stageName } from './traffic.ts'

const names: Record<MetricVerdict['metric'], string> = {
  error: 'Errors',
  latency_slow: 'Slow answers',
  violation: 'Violations',
  loss: 'Loss',
}

/** The trial under way: its stages, and each guard metric against its margin as of now. */
export function Judgement({ rolloutId }: { rolloutId: string }) {
  const query = useQuery(rollout(rolloutId))
  return <Loaded query={query}>{(data) => <Judged rollout={data} />}</Loaded>
}

function Judged({ rollout }: { rollout: RolloutDetail }) {
  const now = rollout.metrics.filter((metric) => metric.stage === rollout.stage)
  const drawn = now.filter((metric) => metric.lower !== null && metric.upper !== null)
  return (
    <Section
      title={`${rollout.model}/${rollout.candidateVersion} on trial`}
      note={`${count(rollout.rows)} rows in this stage; counts of other stages are not pooled`}
    >
      <ol className={styles['stages']} aria-label="Stages">
        {rollout.stages.map((stage, index) => (
          // oxlint-disable-next-line react/no-array-index-key
          <li key={`${stage.mode} ${stage.weight} ${index}`}>
            <StageState rollout={rollout} index={index} />
          </li>
        ))}
        <li>
          <State word="promoted" mood={rollout.state === 'succeeded' ? 'good' : 'idle'} />
        </li>
      </ol>
      <p className={styles['sentence']}>{rollout.sentence}</p>
      {drawn.length > 0 && (
        <IntervalDotPlot
          quiet
          label="Candidate minus stable for each guard metric; right is worse, dashed is the margin"
          sides={{ left: 'better', right: 'worse' }}
          format={(value) => signed(value, 4)}
          rows={drawn.map((metric) => ({
            name: names[metric.metric],
            detail: `${count(metric.rows.candidate)} against ${count(metric.rows.stable)}${metric.paired ? ', paired' : ''}`,
            value: metric.difference,
            lower: metric.lower ?? undefined,
            upper: metric.upper ?? undefined,
            threshold: metric.margin,
            colour: moodColour[moodOf(metric.verdict === 'continue' ? 'undecided' : metric.verdict)],
          }))}
        />
      )}
      <Table
        label="Guard metrics"
        rows={now}
        rowKey={(metric) => metric.metric}
        columns={[
          { name: 'Guard', cell: (metric) => names[metric.metric] },
          {
            name: 'Verdict',
            cell: (metric) => <State word={metric.verdict === 'continue' ? 'undecided' : metric.verdict} />,
          },
          { name: 'Margin', number: true, cell: (metric) => signed(metric.margin, 4) },
          { name: 'Candidate rows', number: true, cell: (metric) => count(metric.rows.candidate) },
          { name: 'Stable rows', number: true, cell: (metric) => count(metric.rows.stable) },
        ]}
      />
    </Section>
  )
}

function StageState({ rollout, index }: { rollout: RolloutDetail; index: number }) {
  const mood = index < rollout.stage ? 'good' : index === rollout.stage ? 'live' : 'idle'
  return <State word={stageName(rollout, index)} mood={mood} />
}
