import { Link } from 'wouter'
import styles from './Sentence.module.css'
import { Injected, StateIcon } from './State.tsx'
import { Time } from './Time.tsx'
import { type Mood, wordOf } from './tone.ts'

export interface Said {
  id: string
  atMs: number
  sentence: string
  mood: Mood
  /** The verdict in a word, for those who don't see the icon. */
  word: string
  href?: string | undefined
  injected?: boolean | undefined
  /** A word for what the link answers. */
  more?: string
}

/** Decisions as a person reads them: when, and one sentence. */
export function Sentences({ items, label }: { items: Said[]; label: string }) {
  return (
    <ol className={styles['list']} aria-label={label}>
      {items.map((item) => (
        <li key={item.id}>
          {item.href === undefined ? (
            <div className={styles['row']}>
              <Sentence item={item} />
            </div>
          ) : (
            <Link className={styles['row'] ?? ''} href={item.href} data-row>
              <Sentence item={item} />
            </Link>
          )}
        </li>
      ))}
    </ol>
  )
}

function Sentence({ item }: { item: Said }) {
  return (
    <>
      <span className={styles['icon']}>
        <StateIcon mood={item.mood} label={wordOf(item.word)} />
      </span>
      <span className={styles['time']}>
        <Time ms={item.atMs} />
      </span>
      <span className={styles['text']}>
        {item.sentence} {item.injected === true && <Injected />}
        {item.more !== undefined && <span className={styles['more']}>{item.more} ›</span>}
      </span>
    </>
  )
}
