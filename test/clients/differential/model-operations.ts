import { get, long, post, send, type Case } from './cases.ts'

const point = (value: number, step: number, timestamp: number, more: object = {}) => ({
  key: 'acc',
  value,
  step,
  timestamp,
  model_id: '${measured}',
  ...more,
})

const search = (more: object): Case => post('/logged-models/search', { experiment_ids: ['${main}'], ...more })
const version = (more: object): Case => post('/model-versions/create', { name: 'late', ...more })
const onTrain = [{ dataset_name: 'train', dataset_digest: 'd1' }]

/** Metrics of logged models over several steps and runs, what runs used and made, and where versions come from. */
export const modelOperations: Case[] = [
  post(
    '/runs/create',
    { experiment_id: '${main}', run_name: 'measures', start_time: 1 },
    { save: { measures: 'run.info.run_id' } },
  ),
  post(
    '/logged-models',
    { experiment_id: '${main}', name: 'measured', source_run_id: '${measures}' },
    { save: { measured: 'model.info.model_id' } },
  ),
  post('/runs/log-batch', {
    run_id: '${measures}',
    metrics: [point(1, 0, 5), point(2, 1, 6), point(0.5, 2, 4)],
  }),
  get('/logged-models/${measured}', {}, { name: 'a model with three points' }),
  post('/runs/log-batch', { run_id: '${measures}', metrics: [point(9, 1, 7)] }),
  post('/runs/log-batch', { run_id: '${scrap}', metrics: [point(3, 0, 1)] }),
  post('/runs/log-batch', {
    run_id: '${measures}',
    metrics: [point(4, 0, 8, { dataset_name: 'train', dataset_digest: 'd1' })],
  }),
  get('/logged-models/${measured}', {}, { name: 'a model measured in two runs and on a dataset' }),
  ...['> 0.9', '= 9', '= 2', '= 0.5', '= 3', '= 7', '< 1', '!= 2'].flatMap((condition) => [
    search({ filter: `metrics.acc ${condition}` }),
    search({ filter: `metrics.acc ${condition}`, datasets: onTrain }),
  ]),
  search({ datasets: onTrain }),
  search({ filter: "name != 'two'", order_by: [{ field_name: 'metrics.acc' }] }),
  search({
    filter: "name != 'two'",
    order_by: [{ field_name: 'metrics.acc', ascending: false, ...onTrain[0] }],
  }),
  search({ order_by: [{ ascending: false }] }),
  search({ datasets: [{ dataset_digest: 'd1' }] }),
  post('/logged-models/${measured}/params', {
    model_id: '${measured}',
    params: [{ key: long(251), value: 'v' }],
  }),
  post('/logged-models/${measured}/params', { model_id: '${measured}' }),
  send('PATCH', '/logged-models/${measured}/tags', { tags: [{ key: 't', value: long(9000) }] }),
  send('PATCH', '/logged-models/${measured}/tags', {}),
  send('PATCH', '/logged-models/m-nope/tags', { tags: [{ key: 'a', value: 'b' }] }),
  send('DELETE', '/logged-models/m-nope/tags/x', undefined),
  get('/logged-models/${measured}', {}, { name: 'a model with tags' }),
  post('/runs/outputs', { run_id: '${measures}', models: [{ model_id: '${measured}', step: 3 }] }),
  post('/runs/outputs', { run_id: '${measures}', models: [{ model_id: 'm-nope', step: 5 }] }),
  post('/runs/outputs', { run_id: '${measures}', models: [] }),
  post('/runs/outputs', { run_id: 'nope', models: [{ model_id: '${measured}' }] }),
  post('/runs/outputs', { run_id: '${epsilon}', models: [{ model_id: '${measured}' }] }),
  post('/runs/log-inputs', { run_id: '${measures}', models: [{ model_id: '${two}' }] }),
  post('/runs/log-inputs', { run_id: '${epsilon}', models: [{ model_id: '${measured}' }] }),
  post('/runs/log-inputs', {
    run_id: '${measures}',
    datasets: [
      {
        dataset: { name: 'n', digest: 'd', source_type: 't', source: 's' },
        tags: [{ key: long(256), value: '1' }],
      },
    ],
  }),
  post('/runs/log-inputs', {
    run_id: '${measures}',
    datasets: [
      {
        dataset: { name: 'n', digest: 'd', source_type: 't', source: 's' },
        tags: [{ key: 'k', value: long(501) }],
      },
    ],
  }),
  get('/runs/get', { run_id: '${measures}' }),
  post('/model-versions/create', { name: 'late', source: 'models:/${one}', model_id: '${two}' }),
  version({ source: 'models:/late/1', run_id: '${alpha}' }),
  version({ source: 'models:/late/1', run_id: '${beta}' }),
  version({ source: 'models:/late/latest' }),
  version({ source: 'models:/late/None' }),
  version({ source: 'models:/prompt/1' }),
  version({ source: 'models://host/late/1' }),
  version({ source: 'models:/late' }),
  version({ source: 'models:/' }),
  version({ source: 'runs:/${alpha}/model', run_id: '${alpha}' }),
  version({ source: 'runs:/${alpha}/model', run_id: '${beta}' }),
  version({ source: 'mlflow-artifacts:/1/${alpha}/artifacts/model', run_id: '${alpha}' }),
  version({ source: 'mlflow-artifacts:/1/${alpha}/artifacts/model', run_id: '${beta}' }),
  version({ source: 's3://b/t', tags: [{ key: long(251), value: '1' }] }),
  version({ source: 's3://b/t', description: long(6000) }),
  send('DELETE', '/logged-models/${measured}', undefined),
  post(
    '/runs/log-batch',
    { run_id: '${measures}', metrics: [point(1, 99, 5)] },
    { name: 'a point of a deleted model' },
  ),
]
