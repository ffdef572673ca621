import type { Alert } from '../answers.ts'
import { Sentences } from '../kit/Sentence.tsx'
import { State } from '../kit/State.tsx'

export function AlertList({ items, none }: { items: Alert[]; none: string }) {
  if (items.length === 0) return <State word={none} mood="good" />
  return (
    <Sentences
      label="Alerts"
      items={items.map((alert) => ({
        id: alert.id,
        atMs: alert.raisedMs,
        sentence: `${alert.sentence}${alert.state === 'open' && alert.blocksTraining ? ' Training is blocked until it clears.' : ''}${alert.state === 'cleared' && alert.clearedSentence ? ` ${alert.clearedSentence}` : ''}`,
        mood: alert.state === 'open' ? (alert.blocksTraining ? 'bad' : 'attention') : 'good',
        word: alert.state,
        href: `/monitoring/${alert.deployment}`,
        injected: alert.injected,
      }))}
    />
  )
}
