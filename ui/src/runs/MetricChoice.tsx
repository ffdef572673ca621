import type { Comparison } from './compare-state.ts'
import styles from './Compare.module.css'

/** Which metric the pictures are about. */
export function MetricChoice({ comparison: { metrics, metric, setBy } }: { comparison: Comparison }) {
  return (
    <span className={styles['choices']}>
      <select aria-label="Metric" value={metric?.name ?? ''} onChange={(event) => setBy(event.target.value)}>
        {metrics.map(({ id, name }) => (
          <option key={id} value={name}>
            {name}
          </option>
        ))}
      </select>
    </span>
  )
}
