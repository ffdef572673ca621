import { Link } from 'wouter'
import type { Decision } from '../answers.ts'
import { clockOf, dayOf, exact, plain } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Injected, State } from '../kit/State.tsx'
import { wordOf } from '../kit/tone.ts'
import styles from './DecisionDays.module.css'
import { isInjected, moodOfDecision, subjectHref, subjectName } from './subject.ts'

/** Newest first, under the day they were taken on; each opens to its rule and numbers. */
export function DecisionDays({ items }: { items: Decision[] }) {
  const days = Map.groupBy(items, (item) => `${dayOf(item.atMs)} ${new Date(item.atMs).getUTCFullYear()}`)
  return (
    <>
      {[...days].map(([day, decisions]) => (
        <section key={day} className={styles['day']} aria-label={day}>
          <h2>{day}</h2>
          {decisions.map((decision) => (
            <Entry key={decision.id} decision={decision} />
          ))}
        </section>
      ))}
    </>
  )
}

function Entry({ decision }: { decision: Decision }) {
  return (
    <details className={styles['item']}>
      <summary data-row>
        <time
          className={styles['time']}
          dateTime={new Date(decision.atMs).toISOString()}
          title={exact(decision.atMs)}
        >
          {clockOf(decision.atMs)}
        </time>
        <State word={decision.verdict} mood={moodOfDecision(decision)} />
        <span className={styles['sentence']}>
          {decision.sentence} {isInjected(decision) && <Injected />}
        </span>
      </summary>
      <Inside decision={decision} />
    </details>
  )
}

function Inside({ decision }: { decision: Decision }) {
  const href = subjectHref(decision)
  const name = subjectName(decision)
  const numbers = Object.entries(decision.numbers).filter(([key]) => key !== 'injected')
  return (
    <div className={styles['inside']}>
      <Facts
        items={[
          ['Kind', wordOf(decision.kind)],
          [
            'About',
            href === undefined ? (
              name
            ) : (
              <Link key="about" href={href}>
                {name}
              </Link>
            ),
          ],
          ['When', exact(decision.atMs)],
          ['Rule', <Rule key="rule" text={decision.rule} />],
          ['Code', decision.codeVersion],
        ]}
      />
      {numbers.length > 0 && <Facts items={numbers.map(([key, value]) => [key, written(value)])} />}
    </div>
  )
}

/** A rule is a sentence, or the definition as JSON. */
function Rule({ text }: { text: string }) {
  return /^[[{]/.test(text) ? <code>{text}</code> : text
}

function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return plain(value)
  return plain(value).slice(0, most)
}

const most = 600
