import type { Monitoring } from '../answers.ts'
import { State, StateIcon } from '../kit/State.tsx'
import { type Mood, wordOf } from '../kit/tone.ts'
import styles from './Causes.module.css'

type Explained = Monitoring['causes'][number]

const moods: Record<string, Mood> = { freshness: 'bad', data_quality: 'bad', watch: 'idle' }

/** In words, strongest first; under each what it consists of, with a bar for its weight. */
export function Causes({ causes }: { causes: Explained[] }) {
  if (causes.length === 0) return <State word="nothing stands out" mood="good" />
  return (
    <ol className={styles['causes']} aria-label="Causes, strongest first">
      {causes.map((cause, index) => (
        <li key={cause.sentence}>
          <span className={styles['rank']}>{index + 1}</span>
          <span className={styles['icon']}>
            <StateIcon mood={moods[cause.kind] ?? 'attention'} label={wordOf(cause.kind)} />
          </span>
          <div>
            <p className={styles['text']}>{cause.sentence}</p>
            <Parts cause={cause} />
          </div>
        </li>
      ))}
    </ol>
  )
}

function Parts({ cause }: { cause: Explained }) {
  const parts = cause.parts.filter((part) => !cause.sentence.includes(part.sentence))
  const most = Math.max(...cause.parts.map((part) => part.weight), 1e-12)
  if (parts.length === 0) return null
  return (
    <ul className={styles['parts']}>
      {parts.slice(0, 5).map((part) => (
        <li key={part.name}>
          <span className={styles['bar']} aria-hidden>
            <span style={{ width: `${Math.max(2, (part.weight / most) * 100)}%` }} />
          </span>
          {part.sentence}
        </li>
      ))}
    </ul>
  )
}
