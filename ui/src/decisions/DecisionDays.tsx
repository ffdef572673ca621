import { Link } from 'wouter'
import type { Decision } from '../answers.ts'
import { clockOf, dayOf, exact, plain } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Injected, State } from '../kit/State.tsx'
import { wordOf } from '../kit/tone.ts'
import styles from './DecisionDays.module.css'
import { isInjected, moodOfDecision, subjectHref } from './subject.ts'

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
  const href = subjectHref(decision)
  const numbers = Object.entries(decision.numbers).filter(([name]) => name !== 'injected')
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
      <div className={styles['inside']}>
        <Facts
          items={[
            ['Kind', wordOf(decision.kind)],
            [
              'About',
              href === undefined ? (
                `${wordOf(decision.subjectType)} ${decision.subjectId}`
              ) : (
                <Link href={href}>{`${wordOf(decision.subjectType)} ${decision.subjectId}`}</Link>
              ),
            ],
            ['Rule', plain(decision.rule)],
            ['When', exact(decision.atMs)],
          ]}
        />
        {numbers.length > 0 && <Facts items={numbers.map(([name, value]) => [name, plain(value)])} />}
      </div>
    </details>
  )
}
