import { sql } from 'kysely'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { addressesOf, endpoints, mlflowApp } from '../src/protocols/mlflow/mlflow.ts'
import { openTestContext, type TestContext } from './databases.ts'

type App = ReturnType<typeof mlflowApp>

const WRITTEN = [
  'audit',
  'run_metric',
  'run_tag',
  'run_param',
  'experiment_tag',
  'run_input',
  'run_model',
  'event',
]

let context: TestContext
let app: App
let known: Record<string, string>

/** One thing of each kind, so that hostile requests reach past the first look-up. */
async function someOfEach(at: App): Promise<Record<string, string>> {
  const post = async <Answer>(path: string, body: object): Promise<Answer> => {
    const response = await at.request(`/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status, path).toBe(200)
    return (await response.json()) as Answer
  }
  const { experiment_id } = await post<{ experiment_id: string }>('experiments/create', { name: 'known' })
  const { run } = await post<{ run: { info: { run_id: string } } }>('runs/create', { experiment_id })
  const { run_id } = run.info
  await post('runs/log-batch', {
    run_id,
    metrics: [{ key: 'auc', value: 0.7, timestamp: 1, step: 0 }],
    params: [{ key: 'depth', value: '3' }],
    tags: [{ key: 'team', value: 'blue' }],
  })
  await post('registered-models/create', { name: 'late' })
  await post('model-versions/create', { name: 'late', source: `runs:/${run_id}/model`, run_id })
  const { model } = await post<{ model: { info: { model_id: string } } }>('logged-models', {
    experiment_id,
    name: 'net',
    source_run_id: run_id,
  })
  return {
    experiment_id,
    run_id,
    run_uuid: run_id,
    name: 'late',
    version: '1',
    model_id: model.info.model_id,
  }
}

const FIELDS =
  'experiment_id experiment_ids run_id run_ids run_uuid name version model_id new_name key value timestamp step metrics params tags filter order_by max_results page_token view_type run_view_type status end_time start_time stage stages alias source path metric_key start_step end_step datasets models description artifact_location experiment_name artifact_directory_path num_parts upload_id parts model_json events url secret model_type source_run_id'.split(
    ' ',
  )

const text = fc.oneof(
  fc.string({ maxLength: 40, unit: 'binary' }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '../../etc/passwd',
    '..%2f..',
    'x'.repeat(20_000),
    "' OR 1=1 --",
    '💥',
    'NaN',
  ),
  fc.constantFrom(
    '-1',
    '0',
    '1e400',
    '99999999999999999999',
    '0x10',
    'metrics.auc > ',
    '`',
    '"',
    "params.a = 'b",
  ),
  fc.constantFrom(
    'eyJvZmZzZXQiOjEwfQ==',
    'W10=',
    'bnVsbA==',
    '((((',
    'tags.`a` LIKE',
    'mlflow-artifacts:/../x',
  ),
)
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-1, 0, 1e308, 2 ** 53, -(2 ** 63), 50_001))
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const item = fc.oneof(
  scalar,
  fc.dictionary(fc.constantFrom('key', 'value', 'timestamp', 'step', 'name', 'dataset', 'model_id'), scalar),
)
const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(item, { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 5 }), item, { maxKeys: 3 }) },
  { weight: 1, arbitrary: fc.constant(Array.from({ length: 1_500 }, () => ({ key: 'a', value: '1' }))) },
)
/** Some fields that lead to what is there, and some that are wrong. */
const fields = fc
  .record({
    right: fc.subarray(['experiment_id', 'run_id', 'run_uuid', 'name', 'version', 'model_id']),
    wrong: fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 5 }),
  })
  .map(({ right, wrong }) => ({ ...Object.fromEntries(right.map((name) => [name, known[name]])), ...wrong }))
const brokenBody = fc.constantFrom(
  '{',
  '[]',
  '"{',
  '""',
  'null',
  '{"run_id":',
  '{"a":1}{"b":2}',
  '['.repeat(50_000),
  `{"run_id":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
)

function withPath(path: string, ids: readonly string[]): string {
  return path
    .replace(/\*$/, () => encodeURI(ids[0]!))
    .replaceAll(/:(\w+)/g, (_, name: string) =>
      name === 'modelId' && ids[1] === '' ? known['model_id']! : encodeURIComponent(ids[1] || 'x'),
    )
}

/** Differs when anything was written: on SQLite by any commit of another connection, on PostgreSQL by any row more or less. */
async function dataVersion(): Promise<unknown> {
  const { dialect, read } = context.db
  if (dialect === 'sqlite') return (await sql`PRAGMA data_version`.execute(read)).rows
  const counts = WRITTEN.map((table) => sql`select count(*) as rows from ${sql.table(table)}`)
  return (await sql`${sql.join(counts, sql` union all `)}`.execute(read)).rows
}

async function expectRefusedOrDone(
  url: string,
  init: { method: string; headers?: Record<string, string>; body?: string },
): Promise<void> {
  const before = await dataVersion()
  const response = await app.request(url, init)
  const body = await response.text()
  const at = `${init.method} ${url} ${(init.body ?? '').slice(0, 300)} → ${response.status} ${body.slice(0, 300)}`
  expect(response.status, at).toBeLessThan(500)
  if (response.status < 400) return
  const refusal = JSON.parse(body) as { error_code?: unknown; message?: unknown }
  expect(refusal, at).toMatchObject({ error_code: expect.any(String), message: expect.any(String) })
  expect(body.length, at).toBeLessThan(100_000)
  expect(await dataVersion(), `${at} has written something`).toEqual(before)
}

const postgresUrl = process.env['DB_POSTGRES_URL']

// One database for the whole suite, as a server has under such requests.
describe.each(postgresUrl ? ['sqlite', postgresUrl] : ['sqlite'])('Hostile requests on %s', (url) => {
  beforeAll(async () => {
    context = await openTestContext(url)
    app = mlflowApp(context, () => localOwner)
    known = await someOfEach(app)
  })
  afterAll(() => context[Symbol.asyncDispose]())

  test('a write of the server is seen by the watch of these tests', async () => {
    const before = await dataVersion()
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ run_id: known['run_id'], key: 'watched', value: 'yes' }),
    }
    expect((await app.request('/api/2.0/mlflow/runs/set-tag', init)).status).toBe(200)
    expect(await dataVersion()).not.toEqual(before)
  })

  for (const item of endpoints) {
    const { methods } = item
    const path = addressesOf(item)[0]!
    // Parts of a path that are `..` are gone before a request is sent, and lead to another endpoint.
    const start = path.split(/[:*]/)[0]!
    test(`${methods.join(', ')} ${path}: refused in MLflow’s form or done; a refusal changes nothing`, async () => {
      const ids = fc.tuple(text, fc.oneof(fc.constant(''), text))
      await fc.assert(
        fc.asyncProperty(fields, ids, brokenBody, fc.nat(9), async (body, [first, second], broken, dice) => {
          const method = methods[dice % methods.length]!
          const url = `http://localhost${withPath(path, [first, second])}`
          fc.pre(new URL(url).pathname.startsWith(start))
          if (method === 'GET') {
            const query = new URLSearchParams()
            for (const [name, each] of Object.entries(body))
              for (const one of Array.isArray(each) ? each.slice(0, 5) : [each])
                query.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one))
            return await expectRefusedOrDone(`${url}?${query.toString().slice(0, 60_000)}`, { method })
          }
          await expectRefusedOrDone(url, {
            method,
            headers: { 'content-type': 'application/json' },
            body: dice === 0 ? broken : JSON.stringify(body),
          })
        }),
        { numRuns: 25 },
      )
    })
  }
})
