/**
 * The closed catalogue of events. Upward news travels as rows of the `event` table, written in the same
 * transaction as the change they tell of; triggers, the UI's stream and webhooks read them.
 */
export interface EventCatalogue {
  'project.applied': { versionId: string }
  'dataset.version_created': {
    datasetId: string
    name: string
    versionId: string
    number: number
    rows: number
    addedRows: number
  }
  'dataset.rejected': { datasetId: string; name: string; reportId: string; sentence: string }
  'features.materialized': { view: string; untilMs: number; rows: number }
  'run.changed': { runId: string }
  'pipeline.run_started': { runId: string; pipeline: string; state: string }
  'pipeline.run_finished': { runId: string; pipeline: string; state: string }
  'pipeline.step_changed': { runId: string; stepRunId: string; state: string }
  'effect.requested': { effectId: string; runId: string; kind: 'register' | 'deploy' }
  'effect.settled': { effectId: string; runId: string; kind: 'register' | 'deploy'; state: 'done' | 'failed' }
  'model.version_created': { model: string; version: number }
  /** Its owner, description or protections. */
  'model.changed': { model: string }
  'promotion.changed': { promotionId: string; model: string; version: number; alias: string; state: string }
  'comment.changed': { subjectType: string; subjectId: string; commentId: string }
  'benchmark.changed': { benchmark: string }
  'model.alias_set': { model: string; alias: string; version: number; source: string }
  'deployment.changed': { deployment: string; generation: number }
  'rollout.changed': { rolloutId: string; deployment: string; state: string }
  'segment.closed': { segmentId: string }
  'segment.rolled': { segmentId: string; kind: 'prediction' | 'feedback' }
  'alert.raised': AlertEvent
  'alert.cleared': AlertEvent
  /** Who may do what has changed: users, teams, roles or tokens. */
  'access.changed': Record<string, never>
  'decision.recorded': { decisionId: string; kind: string }
}

export interface AlertEvent {
  alertId: string
  deployment: string
  monitor: string
  kind: 'base_rate' | 'drift' | 'quality' | 'data_quality' | 'freshness'
  /** While such an alert is open, no trigger may start a training for its deployment. */
  blocksTraining: boolean
  sentence: string
}

export type EventKind = keyof EventCatalogue

export interface DomainEvent<Kind extends EventKind = EventKind> {
  seq: number
  projectId: string
  kind: Kind
  payload: EventCatalogue[Kind]
  atMs: number
}
