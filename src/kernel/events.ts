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
  'source.changed': {
    datasetId: string
    name: string
    changeId: string
    /** Items of the source: files, objects, increments. */
    added: number
    changed: number
    removed: number
    schemaChange: 'compatible' | 'breaking' | null
    lateRows: number
    /** Null when what came was refused. */
    versionId: string | null
  }
  /** Personal values of the project are hashed with another key from now on. */
  'privacy.key_changed': { keyId: string }
  /** A person is being erased: from now on rows of theirs are taken from nowhere. */
  'erasure.requested': { erasureId: string; entity: string }
  /** A person was erased: rows are gone from every place, and their files deleted. */
  'data.erased': { erasureId: string; entity: string; rows: number }
  'features.materialized': { view: string; untilMs: number; rows: number }
  'features.skewed': {
    deployment: string
    model: string
    version: number
    /** The view or the on-demand feature. */
    source: string
    features: string[]
    sentence: string
  }
  'run.changed': { runId: string }
  'pipeline.run_started': { runId: string; pipeline: string; state: string }
  'pipeline.run_finished': { runId: string; pipeline: string; state: string }
  'pipeline.step_changed': { runId: string; stepRunId: string; state: string }
  'effect.requested': { effectId: string; runId: string; kind: 'register' | 'deploy' }
  'effect.settled': { effectId: string; runId: string; kind: 'register' | 'deploy'; state: 'done' | 'failed' }
  'model.created': { model: string }
  'model.tag_set': { model: string; key: string; value: string }
  'model.tag_deleted': { model: string; key: string }
  'model.version_created': { model: string; version: number }
  /** Its owner, description or protections. */
  'model.changed': { model: string }
  'promotion.changed': { promotionId: string; model: string; version: number; alias: string; state: string }
  'model.version_tag_set': { model: string; version: number; key: string; value: string }
  'model.version_tag_deleted': { model: string; version: number; key: string }
  'comment.changed': { subjectType: string; subjectId: string; commentId: string }
  'benchmark.changed': { benchmark: string }
  'model.alias_set': { model: string; alias: string; version: number; source: string }
  'model.alias_deleted': { model: string; alias: string }
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
  kind: 'base_rate' | 'drift' | 'quality' | 'data_quality' | 'freshness' | 'skew'
  /** While such an alert is open, no trigger may start a training for its deployment. */
  blocksTraining: boolean
  sentence: string
}

export type EventKind = keyof EventCatalogue

/** What each event tells, for those who choose among them. */
export const EVENTS: Readonly<Record<EventKind, string>> = {
  'project.applied': 'A version of the project was applied',
  'dataset.version_created': 'A dataset has a new version',
  'dataset.rejected': 'Data did not meet the expectations of a dataset',
  'source.changed': 'The source of a dataset holds something else',
  'privacy.key_changed': 'Personal values are hashed with another key',
  'erasure.requested': 'The erasure of a person was asked for',
  'data.erased': 'A person was erased from data and logs',
  'features.materialized': 'A feature view was brought up to a time',
  'features.skewed': 'Served features are certainly not what the offline data give',
  'run.changed': 'A tracking run was made or changed; at most once a second for each run',
  'pipeline.run_started': 'A pipeline run has started',
  'pipeline.run_finished': 'A pipeline run has ended, well or not',
  'pipeline.step_changed': 'A step of a pipeline run has another state',
  'effect.requested': 'A pipeline run asks for a registration or a deployment',
  'effect.settled': 'What a pipeline run asked for is done or has failed',
  'model.created': 'A model was registered',
  'model.tag_set': 'A model got a tag',
  'model.tag_deleted': 'A model lost a tag',
  'model.version_created': 'A model has a new version',
  'model.version_tag_set': 'A version got a tag',
  'model.version_tag_deleted': 'A version lost a tag',
  'model.changed': 'The owner, the description or the protections of a model have changed',
  'promotion.changed': 'A promotion, the request to point an alias at a version, has another state',
  'comment.changed': 'A comment was written, edited or removed',
  'model.alias_set': 'An alias points at a version',
  'model.alias_deleted': 'An alias was removed',
  'deployment.changed': 'A deployment serves something else',
  'rollout.changed': 'A rollout has another state',
  'segment.closed': 'A segment of the prediction log was closed',
  'segment.rolled': 'A segment of the prediction log became a Parquet file',
  'alert.raised': 'A monitor has decided that something is wrong',
  'alert.cleared': 'An alert is over',
  'access.changed': 'Users, teams, roles or tokens have changed',
  'benchmark.changed': 'A benchmark, its submissions or its holdout have changed',
  'decision.recorded': 'A decision was recorded, with its verdict and sentence',
}

export interface DomainEvent<Kind extends EventKind = EventKind> {
  seq: number
  projectId: string
  kind: Kind
  payload: EventCatalogue[Kind]
  atMs: number
}
