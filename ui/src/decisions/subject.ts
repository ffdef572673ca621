import type { Decision } from '../answers.ts'
import { type Mood, moodOf } from '../kit/tone.ts'

/** The page of what a decision is about, where its subject names one. */
export function subjectHref(decision: Decision): string | undefined {
  const { subjectType, subjectId } = decision
  const [name = '', version] = subjectId.split('/')
  switch (subjectType) {
    case 'model_version':
    case 'modelVersion':
      return version === undefined ? undefined : `/models/${name}/versions/${version}`
    case 'deployment':
      return `/deployments/${subjectId}`
    case 'dataset':
      return `/datasets/${name}`
    case 'pipeline_run':
    case 'pipelineRun':
      return `/pipeline-runs/${subjectId}`
    case 'monitor':
      return `/monitoring/${name}`
    default:
      return undefined
  }
}

export function isInjected(decision: Pick<Decision, 'injected' | 'numbers'>): boolean {
  return decision.injected === true || Boolean(decision.numbers['injected'])
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
