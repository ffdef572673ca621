import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Authenticator, StepToken } from '../src/governance/governance.ts'
import { enqueue } from '../src/jobs/jobs.ts'
import { claimJobs } from '../src/jobs/store.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { registerVersion } from '../src/registry/registry.ts'
import { startServer, type Server } from '../src/server/server.ts'
import { createRun } from '../src/tracking/tracking.ts'
import { applyFolder, runToEnd, writeProject } from '../src/worker/sample-project.ts'
import { startWorker } from '../src/worker/worker.ts'
import { describeDatabases, type TestContext } from './databases.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

const STEPS = `
import { Json, pipeline, project, sh } from 'tidemill'
import { z } from 'zod'
export const speak = sh('speak', {
  params: z.object({ folder: z.string(), foreign: z.string() }),
  out: { answers: Json(z.record(z.string(), z.number())) },
  command: 'node speak.mjs > "$OUTPUT_answers"; echo "my token is $TIDEMILL_TOKEN" >&2',
})
const p = pipeline('p', { params: z.object({ folder: z.string(), foreign: z.string() }) },
  async ({ params }) => { await speak(params).answers })
export default project('sample', { pipelines: [p] })
`

/** Does what a step needs and what it must not do, and leaves its secrets in a folder, as a thief would find them. */
const SPEAK = `
import { writeFileSync } from 'node:fs'
const { MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_TOKEN: token, MLFLOW_RUN_ID: run_id, MLFLOW_EXPERIMENT_ID: experiment_id,
  PARAM_folder: folder, PARAM_foreign: foreign } = process.env
const send = async (method, path, body, authorization = 'Bearer ' + token) => {
  const answer = await fetch(url + path, {
    method,
    headers: { ...(typeof body === 'object' && { 'content-type': 'application/json' }), ...(authorization && { authorization }) },
    ...(body !== undefined && { body: typeof body === 'object' ? JSON.stringify(body) : body }),
  })
  return { status: answer.status, json: await answer.json().catch(() => ({})) }
}
const post = (path, body, authorization) => send('POST', '/api/2.0/mlflow/' + path, body, authorization)
const { json: { run: nested } } = await post('runs/create', { experiment_id })
const model = await post('logged-models', { experiment_id, name: 'net' })
const own = (await post('artifacts/presigned-upload-url', { run_id, path: 'late.txt' })).json.presigned_url
writeFileSync(folder + '/secrets.json', JSON.stringify({ token, own, run_id }))
const metric = (run_id) => ({ run_id, key: 'seen', value: 3, timestamp: 1 })
const file = (owner) => '/api/2.0/mlflow-artifacts/artifacts/' + experiment_id + '/' + owner + '/artifacts/a.txt'
const done = {
  'reads its project': await send('GET', '/api/v1/runs/' + foreign),
  'has files of datasets': await send('GET', '/api/v1/datasets/none/versions/1/files'),
  'logs to its run': await post('runs/log-metric', metric(run_id)),
  'logs to a run nested in its own': await post('runs/log-metric', metric(nested.info.run_id)),
  'ends a nested run': await post('runs/update', { run_id: nested.info.run_id, status: 'FINISHED' }),
  'writes artifacts of its run': await send('PUT', file(run_id), 'x'),
  'writes files of a model it logged': await send('PUT', file('models/' + model.json.model.info.model_id), 'x'),
  'ends a model it logged': await send('PATCH', '/api/2.0/mlflow/logged-models/' + model.json.model.info.model_id, { model_id: model.json.model.info.model_id, status: 'LOGGED_MODEL_READY' }),
  'makes a model': await post('registered-models/create', { name: 'net' }),
  'registers a version': await post('model-versions/create', { name: 'net', source: 'runs:/' + run_id + '/model', run_id }),
  'points an alias at its version': await post('registered-models/alias', { name: 'net', alias: 'candidate', version: '1' }),
  'uses an address signed for it': await send('PUT', own.slice(url.length), 'x', ''),
}
const refused = {
  'logs to another run': await post('runs/log-metric', metric(foreign)),
  'nests a run in another': await post('runs/create', { experiment_id, tags: [{ key: 'mlflow.parentRunId', value: foreign }] }),
  'ends another run': await post('runs/update', { run_id: foreign, status: 'FAILED' }),
  'writes artifacts of another run': await send('PUT', '/api/2.0/mlflow-artifacts/artifacts/0/' + foreign + '/artifacts/a.txt', 'x'),
  'writes artifacts behind its own': await send('PUT', file(run_id + '/artifacts/..%2f..%2f' + foreign), 'x'),
  'writes elsewhere': await send('PUT', '/api/2.0/mlflow-artifacts/artifacts/elsewhere/' + run_id + '/artifacts/a.txt', 'x'),
  'uploads parts for another run': await send('POST', '/api/2.0/mlflow-artifacts/mpu/create/0/' + foreign + '/artifacts', { path: 'a', num_parts: 1 }),
  'deletes its artifacts': await send('DELETE', file(run_id)),
  'deletes its run': await post('runs/delete', { run_id }),
  'makes an experiment': await post('experiments/create', { name: 'mine' }),
  'points an alias at the version of others': await post('registered-models/alias', { name: 'theirs', alias: 'candidate', version: '1' }),
  'describes a version of others': await send('PATCH', '/api/2.0/mlflow/model-versions/update', { name: 'theirs', version: '1', description: 'x' }),
  'registers what is from another run': await post('model-versions/create', { name: 'net', source: 'runs:/' + foreign + '/model', run_id: foreign }),
  'moves a stage': await post('model-versions/transition-stage', { name: 'net', version: '1', stage: 'Production', archive_existing_versions: false }),
  'deploys': await send('POST', '/api/v1/deployments', { name: 'x', model: 'x', version: 1 }),
  'starts a pipeline': await send('POST', '/api/v1/pipelines/p/runs', { params: {} }),
  'applies a project': await send('POST', '/api/v1/project-versions', {}),
  'comments': await send('POST', '/api/v1/comments', { subjectType: 'run', subjectId: run_id, body: 'x' }),
  'makes a token': await send('POST', '/api/v1/tokens', { name: 'mine' }),
  'lists people': await send('GET', '/api/v1/users'),
}
const statuses = (answers) => Object.fromEntries(Object.entries(answers).map(([what, { status }]) => [what, status]))
console.log(JSON.stringify({ ...statuses(done), ...statuses(refused),
  'says nothing of who it is': (await post('runs/log-metric', metric(run_id), '')).status,
  'looks into another project': (await fetch(new URL('/p/other/api/v1/runs/' + foreign, url), { headers: { authorization: 'Bearer ' + token } })).status }))
`

const REFUSED =
  /^(logs to another|nests|ends another|writes artifacts (of another|behind)|writes else|uploads|deletes|makes an|makes a token|points an alias at the version of|describes|registers what|moves|deploys|starts|applies|comments|lists)/

function answered(what: string): number {
  if (what === 'says nothing of who it is') return 401
  if (what === 'looks into another project' || what === 'has files of datasets') return 404
  if (what === 'writes artifacts behind its own') return 400
  return REFUSED.test(what) ? 403 : 200
}

describeDatabases('the token of a step', (open) => {
  async function withServer(
    work: (context: TestContext, server: Server, port: number) => Promise<void>,
  ): Promise<void> {
    const context = withSignIn(await open())
    await userWithToken(context, 'root', { '*': 'admin' })
    await projectNamed(context, 'other')
    await using server = await startServer(context)
    await work(context, server, Number(new URL(server.url).port))
  }

  it('reads its project, records under its own run and registers what it made, and nothing else; a stolen one is worth nothing after the step', async () => {
    await withServer(async (context, server, port) => {
      await using _worker = await startWorker({ ...context, config: { ...context.config, port } })
      const caller = { projectId: 'default', actor: localOwner }
      const foreign = await createRun(context, { ...caller, name: 'of others' })
      const theirs = { ...caller, model: 'theirs', source: 's3://x/y', runId: foreign.id, createModel: true }
      await registerVersion(context, theirs)
      const folder = writeProject({ 'tidemill.config.ts': STEPS, 'speak.mjs': SPEAK })
      await applyFolder(context, folder)
      const { run, steps } = await runToEnd(context, 'p', { folder, foreign: foreign.id })
      expect(run).toMatchObject({ state: 'succeeded', error: null })
      const { value: answers } = steps[0]!.outputs['answers'] as { value: Record<string, number> }
      const expected = Object.fromEntries(Object.keys(answers).map((what) => [what, answered(what)]))
      expect(answers).toEqual(expected)
      const stolen = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8')) as Record<string, string>
      const headers = { authorization: `Bearer ${stolen['token']}` }
      for (const path of ['/api/v1/me', '/ajax-api/2.0/mlflow/runs/get?run_id=x', '/api/v1/events'])
        expect((await fetch(server.url + path, { headers })).status, path).toBe(401)
      expect((await fetch(stolen['own']!, { method: 'PUT', body: 'late' })).status).toBe(403)
      expect(await context.db.read.selectFrom('step_token').selectAll().execute()).toEqual([])
      const attempt = await context.db.read.selectFrom('attempt').selectAll().executeTakeFirstOrThrow()
      const log = await readFile(await context.artifacts.localPath(attempt.log_sha256!), 'utf8')
      expect(log).toContain('my token is')
      expect(log).not.toContain('tmt_')
      const nested = await context.db.read
        .selectFrom('run')
        .select('id')
        .where('parent_run_id', '=', stolen['run_id']!)
        .execute()
      expect(nested).toHaveLength(1)
    })
  }, 60_000)

  it('holds as long as the attempt holds its lease: not when the worker is dead, not for the attempt before', async () => {
    const context = withSignIn(await open())
    const other = await projectNamed(context, 'other')
    const who = async (token: string) =>
      await new Authenticator(context).authenticate(
        new Request('http://localhost/', { headers: { authorization: `Bearer ${token}` } }),
      )
    const claim = async () =>
      await context.db.write(async (trx) => {
        const nowMs = await context.db.wallTime(trx)
        const held = { worker: 'w', slot: 'work', limit: 1, leaseMs: 30_000, nowMs }
        return (await claimJobs(trx, context.db.dialect, held))[0]!
      })
    const leaseEnds = async () =>
      await context.db.write(async (trx) => {
        const lease_until_ms = (await context.db.wallTime(trx)) - 1
        await trx.updateTable('job').set({ lease_until_ms }).execute()
      })
    await context.db.write((trx) =>
      enqueue(trx, { projectId: other, kind: 'pipelines.execute', payload: {} }),
    )
    const execution = { projectId: other, executionId: 'e1', name: 'step train', runId: 'r1' }
    const first = await StepToken.mint(context, { ...execution, job: await claim() })
    expect(await who(first.token)).toEqual({
      id: 'step:e1',
      kind: 'step',
      name: 'step train',
      grants: { [other]: 'viewer' },
      step: { projectId: other, runId: 'r1' },
    })
    await leaseEnds()
    await expect(who(first.token)).rejects.toMatchObject({ code: 'unauthenticated' })
    const again = await claim()
    await expect(who(first.token)).rejects.toMatchObject({ code: 'unauthenticated' })
    const second = await StepToken.mint(context, { ...execution, job: again })
    expect(await who(second.token)).toMatchObject({ id: 'step:e1' })
    await expect(who(first.token)).rejects.toMatchObject({ code: 'unauthenticated' })
    await second[Symbol.asyncDispose]()
    await expect(who(second.token)).rejects.toMatchObject({ code: 'unauthenticated' })
  })
})
