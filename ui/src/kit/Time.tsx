import { dateTime, exact, relative } from '../format.ts'
import { useDomainClock } from './clock.ts'

/** "3 min ago", exact on hover. In a replay the date itself: there "ago" would mean nothing to a reader. */
export function Time({ ms, plain = false }: { ms: number; plain?: boolean }) {
  const clock = useDomainClock()
  const text = clock.replay || plain ? dateTime(ms) : relative(ms, clock.nowMs)
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact(ms)} style={{ whiteSpace: 'nowrap' }}>
      {text}
    </time>
  )
}
