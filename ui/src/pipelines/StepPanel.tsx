import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link } from 'wouter'
import type { StepRun } from '../answers.ts'
import { stepLog, stepWhy } from '../api.ts'
import { plain } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import styles from './StepPanel.module.css'

const unfolded = 160

/** One step: its log, and why it ran or did not have to. */
export function StepPanel({ runId, step }: { runId: string; step: StepRun }) {
  return (
    <Columns wide="left">
      <Section title={`Log of ${step.name}`} note={<State word={step.cached ? 'reused' : step.state} />}>
        {step.error !== null && <p className={styles['error']}>{step.error}</p>}
        <Log runId={runId} step={step} />
      </Section>
      <Section title="Why did this run?">
        <Why runId={runId} stepId={step.id} />
        <Facts
          items={[
            ['Kind', step.kind],
            ['Attempts', String(step.attempts)],
            ...Object.entries(step.params).map(([name, value]) => fact(name, value)),
            ...Object.entries(step.outputs).flatMap(([name, output]) =>
              output.kind === 'json' ? [fact(`→ ${name}`, output.value)] : [],
            ),
          ]}
        />
        {step.trackingRunId !== null && (
          <p>
            <Link href={`/runs/${step.trackingRunId}`}>Its tracked run</Link>
          </p>
        )}
      </Section>
    </Columns>
  )
}

/** What is beyond a few lines is folded. */
function fact(name: string, value: unknown): [string, ReactNode] {
  const text = plain(value)
  if (text.length <= unfolded) return [name, text]
  const whole = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
  return [
    name,
    <details key={name}>
      <summary>{`${text.slice(0, 60)}…`}</summary>
      <pre className={styles['log']} tabIndex={0} aria-label={name}>
        {whole}
      </pre>
    </details>,
  ]
}

function Log({ runId, step }: { runId: string; step: StepRun }) {
  const live = step.state === 'running'
  const query = useQuery({ ...stepLog(runId, step.id), refetchInterval: live ? 1000 : false })
  const box = useRef<HTMLPreElement>(null)
  const text = query.data?.text
  useEffect(() => {
    if (live && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [text, live])
  return (
    <Loaded query={query}>
      {(log) =>
        log.text === '' ? (
          <Quiet>
            {step.cached
              ? 'Nothing ran: the result of an earlier execution was reused.'
              : 'It wrote nothing.'}
          </Quiet>
        ) : (
          <pre ref={box} className={styles['log']} tabIndex={0} aria-label={`Log of ${step.name}`}>
            {log.text}
          </pre>
        )
      }
    </Loaded>
  )
}

function Why({ runId, stepId }: { runId: string; stepId: string }) {
  const query = useQuery(stepWhy(runId, stepId))
  return (
    <Loaded query={query}>
      {(why) => (
        <>
          <p className={styles['why']}>{why.sentence}</p>
          {why.differences.length > 1 && (
            <ul className={styles['causes']}>
              {why.differences.map((difference) => (
                <li key={`${difference.part} ${difference.name}`}>{difference.sentence}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </Loaded>
  )
}
