export interface Attribute {
  /** Its name in our filter tree. */
  key: string
  kind: 'number' | 'text'
  /** May be compared with a list. */
  list?: boolean
  /** Its number may be in quotes. */
  quoted?: boolean
}

/** What one kind of search accepts: MLflow's grammar is one, its vocabularies are not. */
export interface Vocabulary {
  attributes: Readonly<Record<string, Attribute>>
  entities: Readonly<Record<string, Entity>>
  /** What results are ordered by; default: everything above. */
  order?: { attributes: Readonly<Record<string, Attribute>>; entities: readonly Entity[] }
  /** A field may stand twice in an order; the first counts. */
  orderRepeats?: boolean
  /** Operators must be in upper case. */
  upperCaseOnly?: boolean
  /** Texts may stand without quotes. */
  bareTexts?: boolean
}

export type Entity = 'metric' | 'param' | 'tag' | 'attribute' | 'dataset'

const TAGS = { tag: 'tag', tags: 'tag' } as const
const ATTRIBUTES = { attribute: 'attribute', attributes: 'attribute', attr: 'attribute' } as const
const METRICS = { metric: 'metric', metrics: 'metric' } as const
const PARAMS = { parameter: 'param', parameters: 'param', param: 'param', params: 'param' } as const
const startTime: Attribute = { key: 'startMs', kind: 'number' }
const runName: Attribute = { key: 'name', kind: 'text' }

export const RUNS: Vocabulary = {
  attributes: {
    run_id: { key: 'id', kind: 'text', list: true },
    run_name: runName,
    'run name': runName,
    'Run name': runName,
    'Run Name': runName,
    user_id: { key: 'userId', kind: 'text' },
    status: { key: 'status', kind: 'text' },
    artifact_uri: { key: 'artifactUri', kind: 'text' },
    start_time: startTime,
    created: startTime,
    Created: startTime,
    end_time: { key: 'endMs', kind: 'number' },
  },
  entities: {
    ...METRICS,
    ...PARAMS,
    ...TAGS,
    ...ATTRIBUTES,
    run: 'attribute',
    dataset: 'dataset',
    datasets: 'dataset',
  },
}

export const EXPERIMENTS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text' },
    experiment_id: { key: 'id', kind: 'text', list: true },
    creation_time: { key: 'createdMs', kind: 'number' },
    last_update_time: { key: 'updatedMs', kind: 'number' },
  },
  entities: { attribute: 'attribute', ...TAGS },
  order: {
    attributes: {
      name: { key: 'name', kind: 'text' },
      experiment_id: { key: 'id', kind: 'text' },
      creation_time: { key: 'createdMs', kind: 'number' },
      last_update_time: { key: 'updatedMs', kind: 'number' },
    },
    entities: ['attribute'],
  },
  orderRepeats: true,
  upperCaseOnly: true,
}

export const REGISTERED_MODELS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text', list: true },
  },
  entities: { attribute: 'attribute', ...TAGS },
  order: {
    attributes: {
      name: { key: 'name', kind: 'text' },
      last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
      timestamp: { key: 'updatedMs', kind: 'number' },
    },
    entities: ['attribute'],
  },
}

export const MODEL_VERSIONS: Vocabulary = {
  attributes: {
    name: { key: 'name', kind: 'text', list: true },
    version_number: { key: 'version', kind: 'number', quoted: true },
    run_id: { key: 'runId', kind: 'text', list: true },
    source_path: { key: 'source', kind: 'text' },
  },
  entities: { attribute: 'attribute', ...TAGS },
  order: {
    attributes: {
      name: { key: 'name', kind: 'text' },
      version_number: { key: 'version', kind: 'number' },
      creation_timestamp: { key: 'createdMs', kind: 'number' },
      last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
    },
    entities: ['attribute'],
  },
}

const LOGGED_MODEL_ATTRIBUTES: Vocabulary['attributes'] = {
  name: { key: 'name', kind: 'text', list: true },
  model_id: { key: 'id', kind: 'text', list: true },
  model_type: { key: 'modelType', kind: 'text', list: true },
  status: { key: 'status', kind: 'text' },
  source_run_id: { key: 'sourceRunId', kind: 'text', list: true },
  creation_timestamp: { key: 'createdMs', kind: 'number' },
  creation_timestamp_ms: { key: 'createdMs', kind: 'number' },
  creation_time: { key: 'createdMs', kind: 'number' },
  last_updated_timestamp: { key: 'updatedMs', kind: 'number' },
  last_updated_timestamp_ms: { key: 'updatedMs', kind: 'number' },
}

export const LOGGED_MODELS: Vocabulary = {
  attributes: LOGGED_MODEL_ATTRIBUTES,
  entities: { metrics: 'metric', params: 'param', tags: 'tag', attributes: 'attribute' },
  order: { attributes: LOGGED_MODEL_ATTRIBUTES, entities: ['attribute', 'metric'] },
  bareTexts: true,
}
