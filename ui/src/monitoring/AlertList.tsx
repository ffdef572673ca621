import { useQuery } from '@tanstack/react-query'
import type { Alert } from '../answers.ts'
import { decisions } from '../api.ts'
import { isInjected } from '../decisions/subject.ts'
import { Sentences } from '../kit/Sentence.tsx'
import { State } from '../kit/State.tsx'

/** Alerts with how each ended. Whether one was injected is known by the decision behind it. */
export function AlertList({ items, none }: { items: Alert[]; none: string }) {
  const taken = useQuery({ ...decisions({ kind: 'alert', limit: 200 }), enabled: items.length > 0 })
  const injected = new Set((taken.data?.items ?? []).filter(isInjected).map((decision) => decision.id))
  if (items.length === 0) return <State word={none} mood="good" />
  return (
    <Sentences
      label="Alerts"
      items={items.map((alert) => ({
        id: alert.id,
        atMs: alert.raisedMs,
        sentence: told(alert),
        mood: alert.state === 'cleared' ? 'good' : alert.blocksTraining ? 'bad' : 'attention',
        word: alert.state,
        href: `/monitoring/${alert.deployment}`,
        injected: injected.has(alert.decisionId),
      }))}
    />
  )
}

function told(alert: Alert): string {
  if (alert.state === 'cleared') return `${alert.sentence} ${alert.clearedSentence ?? 'It cleared.'}`
  return alert.blocksTraining ? `${alert.sentence} Training is blocked until it clears.` : alert.sentence
}
