import type { Monitoring } from '../answers.ts'
import { State, StateIcon } from '../kit/State.tsx'
import { moodOf } from '../kit/tone.ts'
import styles from './Causes.module.css'

export function Causes({ causes }: { causes: Monitoring['causes'] }) {
  if (causes.length === 0) return <State word="nothing to explain" mood="good" />
  return (
    <ol className={styles['causes']} aria-label="Causes, largest first">
      {causes.map((cause, index) => (
        <li key={cause.sentence}>
          <span className={styles['rank']}>{index + 1}</span>
          <span className={styles['icon']}>
            <StateIcon mood={moodOf(cause.severity)} label={cause.severity} />
          </span>
          <span className={styles['text']}>{cause.sentence}</span>
        </li>
      ))}
    </ol>
  )
}
