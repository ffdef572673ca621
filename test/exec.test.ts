import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startServer, type Server } from '../src/server/server.ts'
import { execute, type ExecutionResult } from '../src/exec/exec.ts'
import { openTestContext, type TestContext } from './databases.ts'

let context: TestContext
let server: Server
let folder: string

beforeEach(async () => {
  context = await openTestContext()
  server = await startServer(context)
  folder = mkdtempSync(join(tmpdir(), 'tidemill-exec-test-'))
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
})

function record(...command: string[]): Promise<ExecutionResult> {
  return execute({
    serverUrl: server.url,
    experiment: 'scripts',
    command,
    cwd: folder,
    output: new PassThrough(),
  })
}

async function runs(): Promise<{ id: string; name: string; status: string }[]> {
  const found = await fetch(`${server.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=scripts`)
  const { experiment } = (await found.json()) as { experiment: { experiment_id: string } }
  const listed = await fetch(`${server.url}/api/v1/runs?experimentId=${experiment.experiment_id}`)
  return ((await listed.json()) as { items: { id: string; name: string; status: string }[] }).items
}

async function artifact(runId: string, name: string): Promise<string> {
  const run = (await (await fetch(`${server.url}/api/v1/runs/${runId}`)).json()) as { experimentId: string }
  const path = `${run.experimentId}/${runId}/artifacts/${name}`
  return await (await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`)).text()
}

it('A command is recorded with what it printed and the model files it wrote', async () => {
  writeFileSync(join(folder, 'old.onnx'), 'from before')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const script =
    'mkdir -p out node_modules/x; echo "run $MLFLOW_RUN_ID"; echo oops >&2; printf weights > out/model.onnx; echo x > node_modules/x/y.onnx'
  const result = await record('sh', '-c', script)
  expect(result).toMatchObject({ exitCode: 0, problems: [] })
  expect(result.artifacts).toEqual(['output.log', 'environment.txt', 'models/out/model.onnx'])
  expect(await artifact(result.runId, 'output.log')).toContain(`run ${result.runId}\n`)
  expect(await artifact(result.runId, 'output.log')).toContain('oops')
  expect(await artifact(result.runId, 'models/out/model.onnx')).toBe('weights')
  expect(await runs()).toMatchObject([{ id: result.runId, name: 'sh', status: 'FINISHED' }])
})

it('A command that fails keeps its exit code; one that is killed is told apart', async () => {
  expect(await record('sh', '-c', 'exit 7')).toMatchObject({ exitCode: 7 })
  expect(await record('sh', '-c', 'kill -9 $$')).toMatchObject({ exitCode: 137 })
  expect(await runs()).toMatchObject([{ status: 'KILLED' }, { status: 'FAILED' }])
})

it('A program that is not there is refused, and its run does not stay open', async () => {
  await expect(record('no-such-program')).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('no such program') as string,
  })
  expect(await runs()).toMatchObject([{ status: 'FAILED' }])
})

it('Code is recorded as its commit and what differs from it, new files included', async () => {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' })
  git('init', '-q')
  writeFileSync(join(folder, 'train.sh'), 'echo one\n')
  git('add', '.')
  git('-c', 'user.email=a@example.org', '-c', 'user.name=a', 'commit', '-q', '-m', 'one')
  writeFileSync(join(folder, 'train.sh'), 'echo two\n')
  writeFileSync(join(folder, 'new.sh'), 'echo three\n')
  const { runId, artifacts } = await record('sh', 'train.sh')
  expect(artifacts).toContain('uncommitted.diff')
  const diff = await artifact(runId, 'uncommitted.diff')
  expect(diff).toContain('-echo one\n+echo two')
  expect(diff).toContain('+echo three')
  const { tags } = (await (await fetch(`${server.url}/api/v1/runs/${runId}`)).json()) as {
    tags: { key: string; value: string }[]
  }
  expect(tags).toContainEqual({ key: 'mlflow.source.git.commit', value: git('rev-parse', 'HEAD').trim() })
})

it('Without a server the command is not run, and the message says how to start one', async () => {
  const execution = { experiment: 'x', command: ['touch', 'ran'], cwd: folder, output: new PassThrough() }
  await expect(execute({ ...execution, serverUrl: 'http://127.0.0.1:9' })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('tidemill up') as string,
  })
})
