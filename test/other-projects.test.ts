import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { lineageKinds } from '../src/ports/db/lineage-kinds.ts'
import { addressesOf, endpoints } from '../src/protocols/mlflow/mlflow.ts'
import { allRoutes, createServerApp } from '../src/server/server.ts'
import { openTestContext, type TestContext } from './databases.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

/** The id and the name of everything that the other project holds, and the text in it. */
const KEY = 'a1b2c3d4e5f60718293a4b5c6d7e8f90'
const SECRET = 'sesame'
const SECRET_JSON = JSON.stringify({ [SECRET]: SECRET })

/** Columns whose value has to be one that is known, for a row to be looked at. */
const KNOWN: Readonly<Record<string, string>> = {
  lifecycle: 'active',
  status: 'ACTIVE',
  state: 'open',
  role: 'viewer',
  stage: 'None',
  subject_type: 'run',
  events_json: '["run.changed"]',
  steps_json: '[]',
  definition_json: JSON.stringify({ name: KEY, description: SECRET }),
}
const FREE_TEXT = /^(description|body|value|sentence|reason|error|answer|url|source|sql|note|word|query)$/
/** Of all projects, or made by the test. */
const LEFT_OUT = [
  'project',
  'audit',
  'role_grant',
  'user',
  'api_token',
  'session',
  'invite',
  'team',
  'team_member',
  'event',
  'job',
  'desired_state',
]

/** A row of the project in every table that has projects, whether it makes sense or not: it must not be reached. */
async function fillEveryTable({ db }: TestContext, projectId: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'project_id'
    WHERE m.type = 'table' ORDER BY m.name`.execute(db.read)
  const filled: string[] = []
  for (const { name } of tables) {
    if (LEFT_OUT.includes(name)) continue
    const { rows: columns } = await sql<{ name: string; type: string; notnull: number; pk: number }>`
      SELECT name, type, "notnull", pk FROM pragma_table_info(${name})`.execute(db.read)
    const needed = columns.filter(({ name: column, notnull, pk }) => notnull || pk > 0 || column === 'id')
    const row = Object.fromEntries(needed.map(({ name: column, type }) => [column, valueOf(column, type)]))
    const values = { ...row, project_id: projectId }
    await db.write((trx) =>
      trx
        .insertInto(name as 'run')
        .values(values as never)
        .execute(),
    )
    filled.push(name)
  }
  return filled
}

function valueOf(column: string, type: string): unknown {
  if (/blob/i.test(type)) return Buffer.from(SECRET)
  // Old enough to be removed by itself is nothing here.
  if (!/text/i.test(type)) return column.endsWith('_ms') ? Date.now() : 1
  if (column.endsWith('sha256')) return KEY.repeat(2)
  return KNOWN[column] ?? (column.endsWith('_json') ? SECRET_JSON : FREE_TEXT.test(column) ? SECRET : KEY)
}

/** All that the other project holds, by table. */
async function contents({ db }: TestContext, tables: readonly string[], projectId: string): Promise<object> {
  const all: Record<string, unknown> = {}
  for (const name of tables)
    all[name] = (
      await sql`SELECT * FROM ${sql.table(name)} WHERE project_id = ${projectId}`.execute(db.read)
    ).rows
  return all
}

const REASON = { reason: 'x' }
/** What a route takes that changes something, so that it gets as far as looking for what it names. */
const BODIES: Readonly<Record<string, object | undefined>> = {
  'PUT /members/:type/:name': { role: 'viewer' },
  'POST /markdown': { text: 'x' },
  'POST /drills': { label: 'x', kinds: ['gate'], match: 'x' },
  'POST /comments': { subjectType: 'run', subjectId: KEY, body: 'x' },
  'PATCH /comments/:id': { body: 'x' },
  'POST /datasets/:name/rows': { rows: [{ a: 1 }] },
  'POST /erasures': { entity: KEY, key: KEY, dryRun: true },
  'PUT /experiments/:experimentId/note': { text: 'x' },
  'POST /run-table/lifecycle': { runIds: [KEY], lifecycle: 'deleted' },
  'POST /run-table/tags': { runIds: [KEY], set: [{ key: 'a', value: 'b' }] },
  'POST /experiments': { name: 'x' },
  'PATCH /experiments/:experimentId': { name: 'y' },
  'POST /experiments/:experimentId/lifecycle': { lifecycle: 'deleted' },
  'POST /saved-views': { page: 'runs', name: 'x', query: 'x' },
  'PUT /runs/:runId/note': { text: 'x' },
  'PATCH /models/:name': { description: 'x' },
  'POST /models/:name/versions': { upload: KEY, source: 'x' },
  'PATCH /models/:name/versions/:version': { description: 'x' },
  'PUT /models/:name/aliases/:alias': { version: 1 },
  'DELETE /models/:name/aliases/:alias': {},
  'PUT /models/:name/protection/:alias': { approvals: 1 },
  'POST /models/:name/promotions': { version: 1, alias: 'champion', reason: 'x' },
  'POST /promotions/:id/reviews': { verdict: 'approved', body: 'x', digest: 'x' },
  'PUT /models/:name/versions/:version/card': { revision: 0, sections: { contact: 'x' } },
  'POST /benchmarks': {
    name: 'x',
    definition: { task: 'binary', label: 'y', metric: 'auc' },
    source: { upload: KEY },
  },
  'PATCH /benchmarks/:name': { description: 'x' },
  'POST /benchmarks/:name/submissions': { model: KEY, version: 1 },
  'POST /project-versions': {
    definition: {
      name: 'own',
      data: { datasets: [] },
      features: { entities: [], views: [], onDemand: [], services: [] },
      registry: { models: [] },
      pipelines: { pipelines: [], steps: [] },
      serving: { deployments: [] },
      monitoring: { monitors: [] },
    },
    snapshot: { format: 1, files: {} },
    directory: '/nowhere',
  },
  'POST /webhooks': { name: 'own', url: 'https://example.org', events: ['run.changed'] },
  'POST /pipelines/:name/runs': { params: {} },
  'POST /deployments': { name: KEY, model: KEY, version: 1 },
  'PATCH /webhooks/:webhookId': { description: 'x' },
  'POST /promotions/:id/withdraw': REASON,
  'POST /promotions/:id/rollback': REASON,
  'POST /promotions/:id/merge': {},
  'POST /deployments/:name/rollback': REASON,
  'POST /rollouts/:id/stop': REASON,
  'POST /trash/purge': { olderThan: '0s' },
  'POST /replay': { nowMs: 1 },
}

/** Names in a path that are no ids. */
const NAMED: Readonly<Record<string, string>> = {
  sha256: KEY.repeat(2),
  version: '1',
  number: '1',
  type: 'user',
  key: KEY,
}
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  '/lineage': lineageKinds.flatMap((kind) => [
    `kind=${kind}&id=${KEY}`,
    `kind=${kind}&id=${KEY}&direction=down`,
  ]),
  '/decisions': ['', `subjectType=run&subjectId=${KEY}`],
  '/comments': ['run', 'experiment', 'model', 'dataset'].map(
    (type) => `subjectType=${type}&subjectId=${KEY}`,
  ),
  '/search': [`q=${SECRET}`, `q=${KEY}`],
  '/runs': ['', `experimentId=${KEY}`],
  '/run-table': ['', `experimentId=${KEY}`, `experimentId=0&parent=${KEY}`, `experimentId=0&runs=${KEY}`],
  '/run-table/count': [`experimentId=${KEY}`],
  '/run-table/columns': [`experimentId=${KEY}`],
  '/run-table/csv': [`experimentId=${KEY}`],
  '/run-comparison': [`runs=${KEY},${KEY}`, `parent=${KEY}`],
  '/run-curves': [`runs=${KEY}&key=${KEY}`],
  '/runs/:runId/artifact': [`path=${KEY}`],
  '/datasets/:name/diff': ['from=1&to=1'],
  '/datasets/:name/versions/:number/export': ['format=csv'],
  '/datasets/:name/versions/:number/k-anonymity': [`columns=${KEY}`],
  '/datasets/:name/versions/:number/balance': [`by=${KEY}&label=${KEY}&positive=1`],
  '/promotions': ['', `model=${KEY}`],
  '/pipeline-runs': ['', `pipeline=${KEY}`],
  '/rollouts': ['', `deployment=${KEY}`],
  '/alerts': ['', `deployment=${KEY}`],
  '/features/skew': [`deployment=${KEY}`],
  '/features/catalogue/:name': ['view', 'service', 'entity', 'on_demand'].map((kind) => `kind=${kind}`),
  '/trash': ['', `experimentId=${KEY}&olderThan=0s`],
  '/audit/state': ['atMs=1'],
  '/saved-views': ['page=runs'],
}

it('A route in one project tells nothing of what another holds, and changes nothing there, whatever ids it is given', async () => {
  await using context = withSignIn(await openTestContext())
  const own = await projectNamed(context, 'own')
  const tables = await fillEveryTable(context, 'default')
  const { token } = await userWithToken(context, 'ana', { [own]: 'admin' })
  const root = await userWithToken(context, 'root', { '*': 'admin' })
  const app = createServerApp(context)
  const before = await contents(context, tables, 'default')
  const call = async (method: string, address: string, body: object | undefined, who: string) => {
    const headers = { authorization: `Bearer ${who}`, 'content-type': 'application/json' }
    const sent = method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }
    const response = await app.request(address, { method, headers, ...sent })
    return { status: response.status, text: await response.text() }
  }
  const leaks: string[] = []
  const misread: string[] = []
  let reached = 0
  for (const { method, path, permission } of allRoutes()) {
    if (permission === 'public' || permission === 'signed_in') continue
    const named = path.replaceAll(/:(\w+)/g, (_, name: string) => NAMED[name] ?? KEY)
    for (const query of QUERIES[path] ?? ['']) {
      const address = `/api/v1${named}${query === '' ? '' : `?${query}`}`
      const body = BODIES[`${method} ${path}`]
      const { status, text } = await call(method, `/p/own${address}`, body, token)
      const at = `${method} ${address} → ${status} ${text.slice(0, 300)}`
      if (/Wrong (body|query|path)/.test(text)) misread.push(at)
      // What was asked for and is not there may be said.
      const told = text.replace(`"missing":["${KEY}"]`, '')
      const isTold = status < 400 && told.includes(KEY) && !query.includes(`q=${KEY}`)
      const isSaid = text.includes(SECRET) && !query.includes(SECRET)
      if (isTold || isSaid || status >= 500) leaks.push(at)
      if (method !== 'GET') continue
      const known = await call(method, address, undefined, root.token)
      if (known.status >= 500 || (known.status < 400 && known.text.includes(KEY))) reached += 1
    }
  }
  expect(misread, 'requests that are refused before anything is looked for prove nothing').toEqual([])
  expect(leaks).toEqual([])
  expect(await contents(context, tables, 'default')).toEqual(before)
  expect(reached, 'the rows are found where they belong').toBeGreaterThan(60)
}, 120_000)

/** Everything by which a request of MLflow's may name something. */
const FIELDS = {
  ...Object.fromEntries(
    'experiment_id run_id run_uuid name model_id alias experiment_name metric_key key webhook_id path artifact_file_path'
      .split(' ')
      .map((field) => [field, KEY]),
  ),
  ...Object.fromEntries('experiment_ids run_ids metric_keys'.split(' ').map((field) => [field, [KEY]])),
  version: '1',
  max_results: 10,
}

it('An endpoint of MLflow that reads tells nothing of what another project holds, whatever it is asked for', async () => {
  await using context = withSignIn(await openTestContext())
  const own = await projectNamed(context, 'own')
  await fillEveryTable(context, 'default')
  const { token } = await userWithToken(context, 'ana', { [own]: 'admin' })
  const root = await userWithToken(context, 'root', { '*': 'admin' })
  const app = createServerApp(context)
  const query = new URLSearchParams()
  for (const [field, value] of Object.entries(FIELDS))
    for (const one of [value].flat()) query.append(field, String(one))
  const ask = async (method: string, address: string, who: string) => {
    const headers = { authorization: `Bearer ${who}`, 'content-type': 'application/json' }
    const body = method === 'GET' ? {} : { body: JSON.stringify(FIELDS) }
    const url = method === 'GET' ? `${address}?${query.toString()}` : address
    const response = await app.request(url, { method, headers, ...body })
    return { status: response.status, text: await response.text() }
  }
  const leaks: string[] = []
  let reached = 0
  for (const endpoint of endpoints) {
    const reads = endpoint.methods.includes('GET') || /search|get|list/.test(endpoint.path)
    if (!reads) continue
    const method = endpoint.methods.includes('GET') ? 'GET' : 'POST'
    for (const address of addressesOf(endpoint)) {
      const named = address.replaceAll(/:\w+/g, KEY).replace(/\*$/, KEY)
      const { status, text } = await ask(method, `/p/own${named}`, token)
      const at = `${method} ${named} → ${status} ${text.slice(0, 300)}`
      if (status >= 500 || text.includes(SECRET) || (status < 400 && text.includes(KEY))) leaks.push(at)
      const known = await ask(method, named, root.token)
      if (known.status >= 500 || (known.status < 400 && known.text.includes(KEY))) reached += 1
    }
  }
  expect(leaks).toEqual([])
  expect(reached, 'the rows are found where they belong').toBeGreaterThan(15)
}, 120_000)
