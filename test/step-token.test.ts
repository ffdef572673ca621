import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Authenticator, StepToken } from '../src/governance/governance.ts'
import { startServer, type Server } from '../src/server/server.ts'
import { applyFolder, runToEnd, until, writeProject } from '../src/worker/sample-project.ts'
import { startWorker } from '../src/worker/worker.ts'
import { openTestContext, type TestContext } from './databases.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

const STEPS = `
import { Json, pipeline, project, sh } from 'tidemill'
import { z } from 'zod'
export const speak = sh('speak', {
  out: { statuses: Json(z.array(z.number())) },
  command: 'node speak.mjs > "$OUTPUT_statuses"; echo "my token is $TIDEMILL_TOKEN" >&2',
})
const p = pipeline('p', {}, async () => {
  const statuses = await speak().statuses
  if (JSON.stringify(statuses) !== '[200,403,401]') throw new Error('answered ' + statuses)
})
export default project('sample', { pipelines: [p] })
`

const SPEAK = `
const { MLFLOW_TRACKING_URI: url, MLFLOW_TRACKING_TOKEN: token, MLFLOW_RUN_ID: run_id } = process.env
const send = async (path, body, authorization) =>
  (await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    body: JSON.stringify(body),
  })).status
const metric = ['/api/2.0/mlflow/runs/log-metric', { run_id, key: 'seen', value: 3, timestamp: 1 }]
console.log(JSON.stringify([
  await send(...metric, 'Bearer ' + token),
  await send('/api/v1/deployments', { name: 'x', model: 'x', version: 1 }, 'Bearer ' + token),
  await send(...metric),
]))
`

let context: TestContext
let server: Server

beforeEach(async () => {
  context = withSignIn(await openTestContext())
  await userWithToken(context, 'root', { '*': 'admin' })
  server = await startServer(context)
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
})

it('A step speaks to the server with a token of its own, as contributor, and the token ends with it', async () => {
  const port = Number(new URL(server.url).port)
  await using _worker = await startWorker({ ...context, config: { ...context.config, port } })
  await applyFolder(context, writeProject({ 'tidemill.config.ts': STEPS, 'speak.mjs': SPEAK }))
  const { run, steps } = await runToEnd(context, 'p')
  expect(run).toMatchObject({ state: 'succeeded', error: null })
  await until('the end of the token', async () => {
    const tokens = await context.db.read.selectFrom('api_token').selectAll().execute()
    return tokens.every(({ execution_id }) => execution_id === null) || undefined
  })
  const attempt = await context.db.read.selectFrom('attempt').selectAll().executeTakeFirstOrThrow()
  const log = await readFile(await context.artifacts.localPath(attempt.log_sha256!), 'utf8')
  expect(log).toContain('my token is')
  expect(log).not.toContain('tmt_')
  expect(steps).toHaveLength(1)
})

it('The token of a step holds for its project and for one attempt', async () => {
  const other = await projectNamed(context, 'other')
  const who = async (token: string) =>
    await new Authenticator(context).authenticate(
      new Request('http://localhost/', { headers: { authorization: `Bearer ${token}` } }),
    )
  const execution = { projectId: other, executionId: 'e1', name: 'step train' }
  const first = await StepToken.mint(context, execution)
  expect(await who(first.token)).toEqual({
    id: 'step:e1',
    kind: 'step',
    name: 'step train',
    grants: { [other]: 'contributor' },
  })
  const second = await StepToken.mint(context, execution)
  await expect(who(first.token)).rejects.toMatchObject({ code: 'unauthenticated' })
  await second[Symbol.asyncDispose]()
  await expect(who(second.token)).rejects.toMatchObject({ code: 'unauthenticated' })
  await first[Symbol.asyncDispose]()
})
