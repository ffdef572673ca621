import type { Tone } from '../answers.ts'

export type Mood = Tone | 'live'

const moods: Record<string, Mood> = {
  good: 'good',
  finished: 'good',
  succeeded: 'good',
  success: 'good',
  completed: 'good',
  done: 'good',
  pass: 'good',
  passed: 'good',
  accepted: 'good',
  delivered: 'good',
  valid: 'good',
  promoted: 'good',
  approved: 'good',
  merged: 'good',
  promote: 'good',
  healthy: 'good',
  ready: 'good',
  serving: 'good',
  steady: 'good',
  fresh: 'good',
  cleared: 'good',
  advance: 'good',
  advanced: 'good',
  deployed: 'good',
  champion: 'good',
  settled: 'good',
  attention: 'attention',
  warn: 'attention',
  warning: 'attention',
  warned: 'attention',
  held: 'idle',
  refused: 'attention',
  hold: 'attention',
  no_data: 'attention',
  undecided: 'attention',
  inconclusive: 'attention',
  unsure: 'attention',
  declined: 'attention',
  stale: 'attention',
  blocked: 'attention',
  stopped: 'attention',
  cancelled: 'attention',
  open: 'attention',
  missing: 'attention',
  kept: 'attention',
  withdrawn: 'idle',
  retrying: 'attention',
  forced: 'attention',
  degraded: 'attention',
  bad: 'bad',
  error: 'bad',
  failed: 'bad',
  fail: 'bad',
  rejected: 'bad',
  rolled_back: 'bad',
  roll_back: 'bad',
  rollback: 'bad',
  killed: 'bad',
  critical: 'bad',
  raised: 'attention',
  running: 'live',
  active: 'live',
  canary: 'live',
  shadow: 'live',
  starting: 'live',
  rolling: 'live',
  started: 'live',
  requested: 'live',
}

/** The state behind a word of any room. An unknown word is idle: never a false alarm, never a false comfort. */
export function moodOf(word: string): Mood {
  return moods[word.toLowerCase().replaceAll(/[ -]/g, '_')] ?? 'idle'
}

export function wordOf(state: string): string {
  return state.replaceAll('_', ' ').toLowerCase()
}

export const moodColour: Record<Mood, string> = {
  good: 'var(--good)',
  attention: 'var(--attention)',
  bad: 'var(--bad)',
  idle: 'var(--idle)',
  live: 'var(--accent)',
}
