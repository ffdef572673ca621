import { post, send, type Case } from './cases.ts'

const dataset = (name: string, digest: string, context: string) => ({
  tags: [{ key: 'mlflow.data.context', value: context }],
  dataset: { name, digest, source_type: 'local', source: '{"uri":"a"}', schema: '{}', profile: '{}' },
})

const metric = (key: string, value: number | string, step = 0, timestamp = 1000) => ({
  key,
  value,
  timestamp,
  step,
})

function run(name: string, start: number, more: object = {}): Case {
  const body = { experiment_id: '${main}', run_name: name, user_id: 'ada', start_time: start, ...more }
  return post('/runs/create', body, { save: { [name.replace(/\W/g, '')]: 'run.info.run_id' } })
}

/** What all later requests look at: experiments, runs with NaN and infinities, datasets, logged models, registered models. */
export const setup: Case[] = [
  post(
    '/experiments/create',
    { name: 'main', tags: [{ key: 'team', value: 'blue' }] },
    { save: { main: 'experiment_id' } },
  ),
  post(
    '/experiments/create',
    { name: 'Other 100%', tags: [{ key: 'Team', value: 'Red_1' }] },
    { save: { other: 'experiment_id' } },
  ),
  post('/experiments/create', { name: 'gone' }, { save: { gone: 'experiment_id' } }),
  post('/experiments/delete', { experiment_id: '${gone}' }),
  post(
    '/runs/create',
    { experiment_id: '${other}', run_name: 'scrap', start_time: 1 },
    { save: { scrap: 'run.info.run_id' } },
  ),
  run('alpha', 1000, {
    tags: [
      { key: 'stage', value: 'draft' },
      { key: 'a.b/c d', value: 'x' },
    ],
  }),
  run('beta', 2000, { tags: [{ key: 'stage', value: 'Draft%' }] }),
  run('gamma_x', 3000, { tags: [{ key: 'note', value: "it's" }] }),
  run('delta', 4000),
  run('epsilon', 5000),
  post('/runs/log-batch', {
    run_id: '${alpha}',
    metrics: [
      metric('auc', 0.9),
      metric('loss', 3, 0),
      metric('loss', 1, 5),
      metric('loss', 2, 2),
      metric('with space', 1),
    ],
    params: [
      { key: 'depth', value: '3' },
      { key: 'Optimizer', value: 'Adam' },
      { key: 'p q', value: '1' },
    ],
  }),
  post('/runs/log-batch', {
    run_id: '${beta}',
    metrics: [metric('auc', 0.5), metric('loss', 'NaN'), metric('a.b', 2)],
    params: [
      { key: 'depth', value: '10' },
      { key: 'optimizer', value: 'sgd' },
    ],
  }),
  post('/runs/log-batch', {
    run_id: '${gamma_x}',
    metrics: [metric('auc', 'NaN'), metric('loss', -1e-3)],
    params: [{ key: 'depth', value: '3' }],
  }),
  post('/runs/log-batch', {
    run_id: '${delta}',
    metrics: [metric('auc', 0.9)],
    params: [{ key: 'empty', value: '' }],
  }),
  post('/runs/update', { run_id: '${alpha}', status: 'FINISHED', end_time: 1500 }),
  post('/runs/update', { run_id: '${beta}', status: 'FAILED', end_time: 9000 }),
  post('/runs/log-inputs', {
    run_id: '${alpha}',
    datasets: [dataset('train', 'd1', 'training'), dataset('Eval', 'D2', 'eval')],
  }),
  post('/runs/log-inputs', { run_id: '${beta}', datasets: [dataset('train', 'd1', 'eval')] }),
  post('/runs/delete', { run_id: '${epsilon}' }),
  post(
    '/logged-models',
    {
      experiment_id: '${main}',
      name: 'one',
      model_type: 'tree',
      source_run_id: '${alpha}',
      params: [{ key: 'k', value: '1' }],
      tags: [{ key: 't', value: 'a' }],
    },
    { save: { one: 'model.info.model_id' } },
  ),
  post(
    '/logged-models',
    { experiment_id: '${main}', name: 'two', source_run_id: '${beta}' },
    { save: { two: 'model.info.model_id' } },
  ),
  post(
    '/logged-models',
    { experiment_id: '${main}', name: 'three' },
    { save: { three: 'model.info.model_id' } },
  ),
  send('PATCH', '/logged-models/${one}', { model_id: '${one}', status: 'LOGGED_MODEL_READY' }),
  post('/runs/log-batch', {
    run_id: '${alpha}',
    metrics: [
      { ...metric('lm', 0.5), model_id: '${one}', dataset_name: 'train', dataset_digest: 'd1' },
      { ...metric('lm', 0.7), model_id: '${two}' },
    ],
  }),
  post('/registered-models/create', {
    name: 'late',
    description: 'is it late?',
    tags: [{ key: 'task', value: 'binary' }],
  }),
  post('/registered-models/create', { name: 'Late_2', tags: [{ key: 'task', value: 'Binary' }] }),
  post('/registered-models/create', {
    name: 'prompt',
    tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
  }),
  post('/model-versions/create', {
    name: 'late',
    source: 's3://b/1',
    run_id: '${alpha}',
    tags: [{ key: 'ok', value: 'yes' }],
  }),
  post('/model-versions/create', { name: 'late', source: 's3://b/2' }),
  post('/model-versions/create', {
    name: 'late',
    source: 's3://B/3',
    run_id: '${beta}',
    run_link: 'http://x',
  }),
  post('/model-versions/create', { name: 'Late_2', source: 's3://b/4', description: 'first' }),
  post('/model-versions/create', {
    name: 'prompt',
    source: 'prompt-template',
    tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
  }),
  post('/registered-models/alias', { name: 'late', alias: 'champion', version: '2' }),
  post('/model-versions/transition-stage', {
    name: 'late',
    version: '1',
    stage: 'production',
    archive_existing_versions: false,
  }),
]
