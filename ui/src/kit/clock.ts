import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { overview } from '../api.ts'
import { useWallClock } from '../live.ts'

export interface DomainClock {
  nowMs: number
  replay: boolean
}

/** Domain time: the wall clock, or in a replay the clock that the driver steps. */
export function useDomainClock(): DomainClock {
  const { data } = useQuery(overview())
  const wall = useWallClock(15_000)
  return data?.replay ? { nowMs: data.nowMs, replay: true } : { nowMs: wall, replay: false }
}

/** Domain milliseconds per wall millisecond over the last seconds; 0 while the replay stands still. */
export function useReplaySpeed(clock: DomainClock): number {
  const samples = useRef<{ wallMs: number; nowMs: number }[]>([])
  const [speed, setSpeed] = useState(0)
  useEffect(() => {
    if (!clock.replay) return
    const wallMs = performance.now()
    samples.current = [
      ...samples.current.filter((sample) => wallMs - sample.wallMs < 20_000),
      { wallMs, nowMs: clock.nowMs },
    ]
    const first = samples.current[0]
    if (first && wallMs > first.wallMs) setSpeed((clock.nowMs - first.nowMs) / (wallMs - first.wallMs))
    const standstill = setTimeout(() => setSpeed(0), 15_000)
    return () => clearTimeout(standstill)
  }, [clock.nowMs, clock.replay])
  return speed
}
