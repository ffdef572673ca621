import type { Mood } from '../kit/tone.ts'
import type { Benchmark } from './answers.ts'

export function moodOfBenchmark(state: Benchmark['state']): Mood {
  return ({ open: 'good', preparing: 'idle', closed: 'idle', failed: 'bad' } as const)[state]
}
