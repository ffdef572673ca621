import { Circle, CircleAlert, CircleCheck, CircleDot, CircleX, type LucideIcon } from 'lucide-react'
import styles from './State.module.css'
import { type Mood, moodOf, wordOf } from './tone.ts'

const icons: Record<Mood, LucideIcon> = {
  good: CircleCheck,
  attention: CircleAlert,
  bad: CircleX,
  idle: Circle,
  live: CircleDot,
}

/** A state as icon, word and colour together. */
export function State({ word, mood = moodOf(word) }: { word: string; mood?: Mood }) {
  return (
    <span className={`${styles['state']} ${styles[mood]}`}>
      <StateIcon mood={mood} />
      {wordOf(word)}
    </span>
  )
}

export function StateIcon({ mood, label }: { mood: Mood; label?: string }) {
  const Icon = icons[mood]
  return (
    <Icon
      size={14}
      strokeWidth={2}
      className={styles[mood]}
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    />
  )
}

/** Says that this did not happen by itself: the demo put it there. */
export function Injected() {
  return (
    <span className={styles['injected']} title="Put there by the demo on purpose; not in the data">
      injected
    </span>
  )
}
