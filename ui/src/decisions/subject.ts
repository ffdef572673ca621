import type { Decision } from '../answers.ts'
import { type Mood, moodOf, wordOf } from '../kit/tone.ts'

/** The page of what a decision is about, where its subject names one. */
export function subjectHref(decision: Decision): string | undefined {
  const { subjectType, subjectId, inputs } = decision
  switch (subjectType) {
    case 'model_version':
      return typeof inputs['model'] === 'string'
        ? `/models/${inputs['model']}/versions/${String(inputs['version'])}`
        : undefined
    case 'deployment':
      return decision.kind === 'alert' ? `/monitoring/${subjectId}` : `/deployments/${subjectId}`
    case 'rollout':
      return typeof inputs['deployment'] === 'string' ? `/deployments/${inputs['deployment']}` : undefined
    case 'promotion':
      return `/promotions/${subjectId}`
    case 'dataset':
      return typeof inputs['reportId'] === 'string'
        ? `/reports/${inputs['reportId']}`
        : `/datasets/${subjectId}`
    case 'pipeline':
      return typeof inputs['runId'] === 'string'
        ? `/pipeline-runs/${inputs['runId']}`
        : `/pipelines?pipeline=${encodeURIComponent(subjectId)}`
    default:
      return undefined
  }
}

/** What it is about, as a person names it: `late/2` rather than an id. */
export function subjectName(decision: Decision): string {
  const { subjectType, subjectId, inputs } = decision
  if (subjectType === 'model_version') return `${String(inputs['model'])}/${String(inputs['version'])}`
  if (subjectType === 'promotion')
    return `the promotion of ${String(inputs['model'])}/${String(inputs['version'])}`
  if (subjectType === 'rollout') return `a rollout of ${String(inputs['deployment'])}`
  return `${wordOf(subjectType)} ${subjectId}`
}

export function isInjected(decision: Pick<Decision, 'injected' | 'numbers'>): boolean {
  return decision.injected || Boolean(decision.numbers['injected'])
}

export function moodOfDecision(decision: Decision): Mood {
  return moodOf(decision.verdict)
}

export function asSaid(decision: Decision) {
  return {
    id: decision.id,
    atMs: decision.atMs,
    sentence: decision.sentence,
    mood: moodOfDecision(decision),
    word: decision.verdict,
    injected: isInjected(decision),
  }
}
