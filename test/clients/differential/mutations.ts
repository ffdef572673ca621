import { get, long, post, send, type Case } from './cases.ts'

/** One request for each endpoint; each of its fields is then spoilt in every way. */
interface Sample {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  fields: Record<string, unknown>
}

const point = { key: 'm', value: 1, timestamp: 1, step: 0 }
const dataset = { name: 'n', digest: 'd', source_type: 't', source: 's' }

const sample = (method: Sample['method'], path: string, fields: Record<string, unknown>): Sample => ({
  method,
  path,
  fields,
})

/** What makes new things, or takes a name away, comes last: one server may accept a name that the other refuses. */
const SAMPLES: readonly Sample[] = [
  sample('GET', '/experiments/get', { experiment_id: '${main}' }),
  sample('GET', '/experiments/get-by-name', { experiment_name: 'main' }),
  sample('POST', '/experiments/search', {
    max_results: 5,
    filter: "name = 'main'",
    order_by: ['name'],
    view_type: 'ALL',
    page_token: '',
  }),
  sample('GET', '/experiments/search', {
    max_results: '5',
    filter: "name = 'main'",
    order_by: 'name',
    view_type: 'ALL',
  }),
  sample('POST', '/experiments/set-experiment-tag', { experiment_id: '${spare}', key: 'k', value: 'v' }),
  sample('POST', '/experiments/delete-experiment-tag', { experiment_id: '${spare}', key: 'nope' }),
  sample('POST', '/runs/update', { run_id: '${spareRun}', status: 'RUNNING', end_time: 5, run_name: 'n' }),
  sample('GET', '/runs/get', { run_id: '${alpha}' }),
  sample('POST', '/runs/search', {
    experiment_ids: ['${main}'],
    filter: 'metrics.auc > 0.6',
    run_view_type: 'ALL',
    max_results: 5,
    order_by: ['start_time'],
    page_token: '',
  }),
  sample('POST', '/runs/log-metric', {
    run_id: '${spareRun}',
    ...point,
    model_id: '',
    dataset_name: '',
    dataset_digest: '',
  }),
  sample('POST', '/runs/log-parameter', { run_id: '${spareRun}', key: 'p', value: 'v' }),
  sample('POST', '/runs/set-tag', { run_id: '${spareRun}', key: 'k', value: 'v' }),
  sample('POST', '/runs/log-batch', {
    run_id: '${spareRun}',
    metrics: [point],
    params: [{ key: 'p2', value: 'v' }],
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/runs/log-inputs', {
    run_id: '${spareRun}',
    datasets: [{ tags: [{ key: 'k', value: 'v' }], dataset }],
    models: [{ model_id: '${two}' }],
  }),
  sample('POST', '/runs/outputs', { run_id: '${spareRun}', models: [{ model_id: '${two}', step: 1 }] }),
  sample('GET', '/metrics/get-history', {
    run_id: '${alpha}',
    metric_key: 'loss',
    max_results: '2',
    page_token: '',
  }),
  sample('GET', '/metrics/get-history-bulk-interval', {
    run_ids: '${alpha}',
    metric_key: 'loss',
    start_step: '0',
    end_step: '9',
    max_results: '5',
  }),
  sample('GET', '/artifacts/list', { run_id: '${alpha}', path: 'a' }),
  sample('PATCH', '/registered-models/update', { name: 'spare', description: 'd' }),
  sample('GET', '/registered-models/get', { name: 'spare' }),
  sample('GET', '/registered-models/search', {
    filter: "name = 'spare'",
    max_results: '5',
    order_by: 'name',
    page_token: '',
  }),
  sample('POST', '/registered-models/get-latest-versions', { name: 'spare', stages: ['None'] }),
  sample('POST', '/registered-models/set-tag', { name: 'spare', key: 'k', value: 'v' }),
  sample('DELETE', '/registered-models/delete-tag', { name: 'spare', key: 'nope' }),
  sample('POST', '/registered-models/alias', { name: 'spare', alias: 'al', version: '1' }),
  sample('DELETE', '/registered-models/alias', { name: 'spare', alias: 'nope' }),
  sample('GET', '/registered-models/alias', { name: 'spare', alias: 'al' }),
  sample('PATCH', '/model-versions/update', { name: 'spare', version: '1', description: 'd' }),
  sample('POST', '/model-versions/transition-stage', {
    name: 'spare',
    version: '1',
    stage: 'Staging',
    archive_existing_versions: false,
  }),
  sample('GET', '/model-versions/get', { name: 'spare', version: '1' }),
  sample('GET', '/model-versions/search', {
    filter: "name = 'spare'",
    max_results: '5',
    order_by: 'name',
    page_token: '',
  }),
  sample('GET', '/model-versions/get-download-uri', { name: 'spare', version: '1' }),
  sample('POST', '/model-versions/set-tag', { name: 'spare', version: '1', key: 'k', value: 'v' }),
  sample('DELETE', '/model-versions/delete-tag', { name: 'spare', version: '1', key: 'nope' }),
  sample('POST', '/logged-models/search', {
    experiment_ids: ['${main}'],
    filter: "name = 'one'",
    max_results: 5,
    order_by: [{ field_name: 'name', ascending: true }],
    page_token: '',
    datasets: [{ dataset_name: 'train', dataset_digest: 'd1' }],
  }),
  sample('GET', '/logged-models/${spareModel}', { allow_deleted: 'true' }),
  sample('PATCH', '/logged-models/${spareModel}', {
    model_id: '${spareModel}',
    status: 'LOGGED_MODEL_READY',
  }),
  sample('PATCH', '/logged-models/${spareModel}/tags', {
    model_id: '${spareModel}',
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/logged-models/${spareModel}/params', {
    model_id: '${spareModel}',
    params: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/experiments/create', {
    name: 'taken',
    artifact_location: 's3://b/a',
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/experiments/update', { experiment_id: '${spare}', new_name: 'spare' }),
  sample('POST', '/runs/create', {
    experiment_id: '${spare}',
    user_id: 'u',
    run_name: 'n',
    start_time: 5,
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/registered-models/create', {
    name: 'late',
    description: 'd',
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/model-versions/create', {
    name: 'nope',
    source: 's3://b/1',
    run_id: '${alpha}',
    run_link: 'http://x',
    description: 'd',
    model_id: '',
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/logged-models', {
    experiment_id: '${spare}',
    name: 'lm',
    model_type: 't',
    source_run_id: '${spareRun}',
    params: [{ key: 'k', value: 'v' }],
    tags: [{ key: 'k', value: 'v' }],
  }),
  sample('POST', '/registered-models/rename', { name: 'spare', new_name: 'late' }),
]

export const spares: Case[] = [
  post('/experiments/create', { name: 'spare' }, { save: { spare: 'experiment_id' } }),
  post('/experiments/create', { name: 'taken' }),
  post(
    '/runs/create',
    { experiment_id: '${spare}', run_name: 'spare', start_time: 1 },
    { save: { spareRun: 'run.info.run_id' } },
  ),
  post('/registered-models/create', { name: 'spare' }),
  post(
    '/logged-models',
    { experiment_id: '${spare}', name: 'spare' },
    { save: { spareModel: 'model.info.model_id' } },
  ),
  post('/model-versions/create', { name: 'spare', source: 's3://b/1' }),
]

/** What may stand where something else is expected. */
const SPOILT: Readonly<Record<string, unknown>> = {
  absent: undefined,
  null: null,
  empty: '',
  space: ' ',
  zero: 0,
  number: 7,
  digits: '700007',
  negative: -1,
  fraction: 1.5,
  huge: 1e19,
  true: true,
  false: 'false',
  list: [],
  'list of a text': ['x'],
  'list of an object': [{ key: 'k', value: 'v' }],
  'list of a null': [null],
  object: {},
  'object with a key': { key: 'k' },
  unicode: 'ü日本🌊',
  quote: 'a\'b"c`d',
  slash: 'a/b/../c',
  long: long(600),
  'very long': long(9000),
}

const QUERIES = [
  'absent',
  'empty',
  'space',
  'zero',
  'digits',
  'negative',
  'fraction',
  'huge',
  'true',
  'unicode',
  'quote',
  'slash',
  'long',
]

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function requestOf({ method, path }: Sample, fields: Record<string, unknown>, name: string): Case {
  if (method === 'GET') return get(path, fields as Record<string, string>, { name })
  return method === 'POST' ? post(path, fields, { name }) : send(method, path, fields, { name })
}

function spoil(sample: Sample): Case[] {
  const title = `${sample.method} ${sample.path}`
  const names = sample.method === 'GET' ? QUERIES : Object.keys(SPOILT)
  const cases = [requestOf(sample, sample.fields, `${title} as it should be`)]
  for (const field of Object.keys(sample.fields)) {
    for (const name of names) {
      // Without its filter a search finds what one server alone accepted before.
      if (field === 'filter' && (name === 'absent' || name === 'null' || name === 'empty')) continue
      const { [field]: _, ...others } = sample.fields
      const value = SPOILT[name]
      const put =
        sample.method === 'GET' && value !== undefined && typeof value !== 'string'
          ? JSON.stringify(value)
          : value
      cases.push(
        requestOf(
          sample,
          value === undefined ? others : { ...others, [field]: put },
          `${title} ${field} ${name}`,
        ),
      )
    }
    if (sample.method !== 'GET' && camelCase(field) !== field) {
      const { [field]: value, ...others } = sample.fields
      cases.push(requestOf(sample, { ...others, [camelCase(field)]: value }, `${title} ${field} camelCase`))
      cases.push(
        requestOf(sample, { ...sample.fields, [camelCase(field)]: value }, `${title} ${field} twice`),
      )
    }
  }
  return cases
}

export const mutations: Case[] = SAMPLES.flatMap(spoil)
