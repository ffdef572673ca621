import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createApp } from '../src/http/app.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { train } from '../src/learners/learners.ts'
import { routes as registryRoutes } from '../src/registry/routes.ts'
import { routes as rolloutRoutes } from '../src/rollout/routes.ts'
import { createModel, registerFromSource, setAlias } from '../src/registry/registry.ts'
import type { ModelVersion } from '../src/registry/schema.ts'
import { consumers } from '../src/rollout/consumers.ts'
import { jobs } from '../src/rollout/jobs.ts'
import { createRun, putRunArtifact } from '../src/tracking/tracking.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from './databases.ts'
import { openGateway, row, tinyModel } from './gateways.ts'
import { workOff } from './work-off.ts'

interface Answer {
  status: number
  body: { [key: string]: unknown; error?: { code: string; message: string } }
}

function client(context: TestContext) {
  const app = createApp({
    context,
    routes: [...registryRoutes, ...rolloutRoutes],
    authenticate: async () => localOwner,
    resolveProject: async () => PROJECT_ID,
  })
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await app.request(`/api/v1${path}`, init)
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  return {
    get: (path: string) => ask(path),
    post: (path: string, body: unknown) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
    importFile: (model: string, bytes: Uint8Array, more: object = {}) =>
      ask(`/models/${model}/versions`, {
        method: 'POST',
        body: JSON.stringify({
          onnxBase64: Buffer.from(bytes).toString('base64'),
          source: 'model.onnx',
          ...more,
        }),
      }),
  }
}

function regression(): Uint8Array {
  const values = Float64Array.from({ length: 100 }, (_, i) => i)
  const frame = { rows: 100, columns: { x: { kind: 'number' as const, values } } }
  const features = [{ name: 'x', kind: 'number' as const }]
  return train({ learner: 'logistic', task: 'regression', features, frame, target: values }).toOnnx()
}

function fixture(name: string): Uint8Array {
  return readFileSync(new URL(`../src/ports/inference/fixtures/${name}.onnx`, import.meta.url))
}

const lightgbm = readFileSync(new URL('../src/model-files/fixtures/lightgbm.onnx', import.meta.url))
const golden = JSON.parse(
  readFileSync(new URL('../src/model-files/fixtures/lightgbm.json', import.meta.url), 'utf8'),
) as { inputs: Record<string, number[][]>; outputs: Record<string, number[][]> }

interface Predictions {
  predictions: unknown[]
}

describeDatabases('level zero', (open) => {
  it('serves an ONNX file that no project declared, with a signature read from its graph', async () => {
    const context = await open()
    const api = client(context)
    await using gateway = await openGateway(context)
    const imported = await api.importFile('churn', tinyModel())
    expect(imported).toMatchObject({ status: 200, body: { model: 'churn', version: 1, created: true } })
    expect(imported.body['signature']).toMatchObject({
      task: 'binary',
      inputs: [{ name: 'hour', datatype: 'FP32', kind: 'number' }, {}, { name: 'carrier', kind: 'category' }],
    })
    const deployed = await api.post('/deployments', { name: 'churn', model: 'churn', version: 1 })
    expect(deployed.body).toMatchObject({ outcome: 'first', version: 1 })
    await gateway.serves(1)
    const { status, body } = await gateway.infer('/v2/models/churn/infer', row(20))
    expect(status).toBe(200)
    expect(body).toMatchObject({ model_version: '1', parameters: { variant: 'stable', decision: 'true' } })
    const champion = await api.get('/models/churn')
    expect(champion.body['aliases']).toEqual({ champion: 1 })
  })

  it('gives the same bytes the version they have, and others the next one', async () => {
    const api = client(await open())
    await api.importFile('churn', tinyModel())
    expect((await api.importFile('churn', tinyModel())).body).toMatchObject({ version: 1, created: false })
    expect((await api.importFile('churn', tinyModel(4))).body).toMatchObject({ version: 2, created: true })
  })

  it('lets what an MLflow client registered and made champion enter the gates, with the signature of its graph', async () => {
    const context = await open()
    const api = client(context)
    const caller = { projectId: PROJECT_ID, actor: localOwner }
    await createModel(context, { ...caller, name: 'churn' })
    const registered = async (shift: number): Promise<ModelVersion> => {
      const { id, artifactUri } = await createRun(context, caller)
      const content = { bytes: tinyModel(shift) }
      await putRunArtifact(context, { ...caller, runId: id, path: 'model/model.onnx', content })
      const source = `${artifactUri}/model`
      const version = await registerFromSource(context, { ...caller, model: 'churn', source, runId: id })
      const alias = { ...caller, model: 'churn', alias: 'champion', version: version.version }
      await setAlias(context, { ...alias, source: 'mlflow' })
      return version
    }
    expect((await registered(0)).signature).toMatchObject({
      task: 'binary',
      inputs: [{ name: 'hour' }, {}, {}],
    })
    expect(
      (await api.post('/deployments', { name: 'churn', model: 'churn', version: 1 })).body,
    ).toMatchObject({
      outcome: 'first',
    })
    expect((await registered(1)).version).toBe(2)
    await workOff(context, { consumers, jobs })
    const { body } = await api.get('/deployments/churn')
    expect(body['candidate']).toMatchObject({ version: 2 })
  })

  it('finds a regression by its single output, and takes the task that is named', async () => {
    const api = client(await open())
    expect((await api.importFile('price', regression())).body).toMatchObject({
      signature: { task: 'regression' },
    })
    const other = await api.importFile('other', regression(), { task: 'binary' })
    expect(other.body.error?.message).toMatch(/"value" gave -?[\d.]+, which is no probability/)
    expect((await api.importFile('other', fixture('zip-map'), { task: 'regression' })).body).toMatchObject({
      signature: { task: 'regression', score: { output: 'probabilities', column: 0 } },
    })
  })

  it('takes the rows of a matrix whole, or by the names of its columns, and scores the positive class', async () => {
    const context = await open()
    const api = client(context)
    await using gateway = await openGateway(context)
    const features = ['a', 'b', 'c', 'd', 'e', 'f']
    await api.importFile('churn', lightgbm, { features })
    await api.post('/deployments', { name: 'churn', model: 'churn', version: 1 })
    await gateway.serves(1)
    const matrix = golden.inputs['input']!
    const rows = matrix.length
    const whole = await gateway.infer('/v2/models/churn/infer', {
      inputs: [{ name: 'input', shape: [rows, 6], datatype: 'FP32', data: matrix }],
    })
    const byName = await gateway.infer('/v2/models/churn/infer', {
      inputs: features.map((name, column) => ({
        name,
        shape: [rows],
        datatype: 'FP32',
        data: matrix.map((values) => values[column]),
      })),
    })
    expect(byName.body.outputs).toEqual(whole.body.outputs)
    const probabilities = whole.body.outputs.find(({ name }) => name === 'probabilities')!
    const late = probabilities.data.filter((_, i) => i % 2 === 1).map(Number)
    golden.outputs['probabilities']!.forEach((row, i) => expect(late[i]).toBeCloseTo(row[1]!, 5))
    const decisions = JSON.parse(String(whole.body.parameters['decisions'])) as string[]
    expect(decisions).toEqual(late.map((score) => String(score >= 0.5)))
    const invoke = (body: unknown) => gateway.infer('/invocations', body)
    const frame = await invoke({ dataframe_split: { columns: features, data: matrix } })
    const instances = await invoke({ instances: matrix })
    expect(instances.body).toMatchObject({ predictions: (frame.body as unknown as Predictions).predictions })
    expect((instances.body as unknown as Predictions).predictions).toHaveLength(rows)
    const { status, body } = await gateway.infer('/v2/models/churn/infer', {
      inputs: [{ name: 'input', shape: [1, 5], datatype: 'FP32', data: [1, 2, 3, 4, 5] }],
    })
    expect([status, body.error]).toEqual([400, expect.stringContaining('expected [rows, 6]')])
  })

  it('refuses files that can’t be served, says why, and makes no model of them', async () => {
    const api = client(await open())
    const refusals: [Uint8Array, RegExp, object?][] = [
      [Buffer.from('no graph'), /no ONNX model/],
      [tinyModel().subarray(0, 200), /no ONNX model/],
      [fixture('identity'), /"fp16" is float16/],
      [lightgbm, /no class "2"; it has 0, 1/, { positive: '2' }],
    ]
    for (const [bytes, message, more] of refusals) {
      const { status, body } = await api.importFile('broken', bytes, more)
      expect(status).toBe(400)
      expect(body.error).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) as string })
    }
    expect((await api.get('/models')).body['items']).toEqual([])
  })
})
