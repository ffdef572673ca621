import { count, duration } from '../format.ts'
import { State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { CatalogueEntry } from './answers.ts'

/** How old the newest value is, and whether keys are beyond the ttl. */
export function FreshnessState({ freshness }: { freshness: CatalogueEntry['freshness'] }) {
  if (freshness === null) return <Quiet>–</Quiet>
  const { ageMs, ttlMs, stale, keys, staleKeys, storeAnswers } = freshness
  if (!storeAnswers) return <State word="online store away" mood="bad" />
  if (ageMs === null) return <State word="no values" mood="idle" />
  const age = ageMs < 1000 ? 'now' : duration(ageMs)
  const title = `Newest value ${duration(ageMs)} old, too old after ${duration(ttlMs)}; ${count(staleKeys)} of ${count(keys)} keys are`
  return (
    <span title={title}>
      <State word={stale ? `stale, ${age}` : `fresh, ${age}`} mood={stale ? 'attention' : 'good'} />
    </span>
  )
}
