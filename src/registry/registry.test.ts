import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { createApp } from '../http/app.ts'
import {
  createLoggedModel,
  createRun,
  getLoggedModel,
  putArtifact,
  updateLoggedModel,
} from '../tracking/tracking.ts'
import { gain, model, noLeak } from './definition.ts'
import {
  applyModelDefinitions,
  createModel,
  deleteModel,
  deleteModelVersion,
  findGateReport,
  findVersionByAlias,
  gatesOfModel,
  getModelVersion,
  getModelVersionById,
  listModelVersions,
  referencedBlobs,
  registerFromSource,
  registerVersion,
  runGates,
  searchModelVersions,
  searchModels,
  setAlias,
  storeEvaluation,
} from './registry.ts'
import { routes } from './routes.ts'
import type { Evaluation, ModelVersion } from './schema.ts'
import { modelItems } from './views.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...caller, model: 'late' }

async function register(context: TestContext, change: Partial<Parameters<typeof registerVersion>[1]> = {}) {
  return await registerVersion(context, { ...late, source: 'test', createModel: true, ...change })
}

async function events(context: TestContext, kind: string): Promise<unknown[]> {
  const rows = await context.db.read
    .selectFrom('event')
    .select('payload_json')
    .where('kind', '=', kind)
    .execute()
  return rows.map((row) => JSON.parse(row.payload_json) as unknown)
}

function evaluation(candidateId: string): Evaluation {
  const subject = { metrics: { auc: { estimate: 0.7, lower: 0.69, upper: 0.71 } }, blocks: {} }
  return {
    task: 'binary',
    label: 'late',
    holdout: { digest: 'abc', rows: 10, days: ['2001-02-01', '2001-02-02'] },
    subjects: [
      { name: 'late/2', role: 'candidate', modelVersionId: candidateId, ...subject },
      { name: 'late/1', role: 'champion', ...subject },
    ],
    differences: [{ metric: 'auc', against: 'champion', gain: 0.003, lower: -0.001, upper: 0.006, days: 2 }],
  }
}

const listUses = async () => []

describeDatabases('registry', (open) => {
  it('numbers versions from 1 and never uses a number again, even for a model that is deleted and made anew', async () => {
    const context = await open()
    expect((await register(context)).version).toBe(1)
    expect((await register(context)).version).toBe(2)
    await deleteModelVersion(context, { ...late, listUses, version: 2 })
    expect((await register(context)).version).toBe(3)
    await deleteModel(context, { ...caller, listUses, name: 'late' })
    await expect(listModelVersions(context, late)).rejects.toMatchObject({ code: 'not_found' })
    await createModel(context, { ...caller, name: 'late' })
    expect(await listModelVersions(context, late)).toEqual([])
    expect((await register(context)).version).toBe(4)
    expect(await events(context, 'model.version_created')).toHaveLength(4)
  })

  it('lists models page by page with how many versions each has, whatever the length of the page', async () => {
    const context = await open()
    for (let count = 0; count < 3; count++) await register(context)
    await deleteModelVersion(context, { ...late, listUses, version: 2 })
    await createModel(context, { ...caller, name: 'never-trained' })
    const first = await modelItems(context, { ...caller, limit: 1 })
    expect(first.items).toMatchObject([{ name: 'late', versions: 2, latest: { version: 3 } }])
    const { nextPageToken: pageToken } = first
    expect((await modelItems(context, { ...caller, limit: 1, pageToken })).items).toMatchObject([
      { name: 'never-trained', versions: 0, latest: null, champion: null },
    ])
  })

  it('gives concurrent registrations numbers of their own', async () => {
    const context = await open()
    await createModel(context, { ...caller, name: 'late' })
    const versions = await Promise.all(Array.from({ length: 8 }, () => register(context)))
    expect(versions.map(({ version }) => version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('gives the same version for the same registration key, and a deleted one stays readable by its id', async () => {
    const context = await open()
    const first = await register(context, { registrationKey: 'run-1/late' })
    expect((await register(context, { registrationKey: 'run-1/late' })).id).toBe(first.id)
    expect((await register(context, { registrationKey: 'run-2/late' })).version).toBe(2)
    await deleteModelVersion(context, { ...late, listUses, version: 1 })
    await expect(getModelVersion(context, { ...late, version: 1 })).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(await getModelVersionById(context, { ...caller, id: first.id })).toMatchObject({
      status: 'deleted',
      model: 'late',
    })
  })

  it('keeps signature, lineage, feature service and blobs with the version', async () => {
    const context = await open()
    const onnx = await context.artifacts.put(Buffer.from('graph'))
    const signature = {
      inputs: [{ name: 'wind', kind: 'number' as const, datatype: 'FP32', nullable: true }],
      outputs: [],
      task: 'binary',
    }
    const featureService = { name: 'late_v1', spec: { name: 'late_v1' } }
    const lineage = { datasetVersionId: 'd', pipelineRunId: 'p', executionId: 'e', projectVersionId: 'v' }
    const { version } = await register(context, {
      onnx,
      signature,
      featureService,
      lineage,
      codeSnapshot: 'c',
      tags: [{ key: 'a', value: 'b' }],
    })
    expect(await getModelVersion(context, { ...late, version })).toMatchObject({
      onnxSha256: onnx.sha256,
      signature,
      featureService,
      lineage,
      codeSnapshot: 'c',
      task: 'binary',
      tags: [{ key: 'a', value: 'b' }],
    })
    expect(await context.db.read.selectFrom('blob').select('sha256').execute()).toEqual([
      { sha256: onnx.sha256 },
    ])
    expect(await referencedBlobs(context.db.read)).toEqual([onnx.sha256])
  })

  it('points an alias at one version, tells of it, and refuses names that look like versions', async () => {
    const context = await open()
    await register(context)
    await register(context)
    await setAlias(context, { ...late, alias: 'champion', version: 1, source: 'rest' })
    await setAlias(context, { ...late, alias: 'champion', version: 2, source: 'mlflow' })
    expect(await findVersionByAlias(context, { ...late, alias: 'champion' })).toMatchObject({
      version: 2,
      aliases: ['champion'],
    })
    expect(await events(context, 'model.alias_set')).toEqual([
      { model: 'late', alias: 'champion', version: 1, source: 'rest' },
      { model: 'late', alias: 'champion', version: 2, source: 'mlflow' },
    ])
    for (const alias of ['v2', 'Latest', 'a b', ''])
      await expect(setAlias(context, { ...late, alias, version: 1, source: 'rest' })).rejects.toMatchObject({
        code: 'invalid',
      })
    await expect(
      setAlias(context, { ...late, alias: 'x', version: 9, source: 'rest' }),
    ).rejects.toMatchObject({ code: 'not_found' })
    await deleteModelVersion(context, { ...late, listUses, version: 2 })
    expect(await findVersionByAlias(context, { ...late, alias: 'champion' })).toBeUndefined()
  })

  it('pages models and versions by key', async () => {
    const context = await open()
    for (const name of ['b', 'a', 'C', 'd']) await register(context, { model: name })
    const names: string[] = []
    let pageToken: string | undefined
    do {
      const page = await searchModels(context, {
        ...caller,
        filter: { and: [] },
        orderBy: [],
        limit: 3,
        pageToken,
      })
      names.push(...page.models.map(({ name }) => name))
      pageToken = page.nextPageToken
    } while (pageToken)
    expect(names).toEqual(['C', 'a', 'b', 'd'])
    const filter = { field: 'attribute', key: 'name', operator: 'ilike', value: 'c' } as const
    const { versions } = await searchModelVersions(context, { ...caller, filter, orderBy: [], limit: 10 })
    expect(versions.map((version) => version.model)).toEqual(['C'])
  })

  it('finds the one ONNX graph among the files of a logged model that is registered', async () => {
    const context = await open()
    await createModel(context, { ...caller, name: 'late' })
    const logged = await createLoggedModel(context, { ...caller, experimentId: '0', name: 'net' })
    const root = logged.artifactUri.replace('mlflow-artifacts:/', '')
    const put = (path: string) =>
      putArtifact(context, { ...caller, path: `${root}/${path}`, content: { bytes: Buffer.from(path) } })
    await put('MLmodel')
    const { sha256 } = await put('model.onnx')
    const version = await registerFromSource(context, { ...late, source: `models:/${logged.id}` })
    expect(version).toMatchObject({
      onnxSha256: sha256,
      loggedModelId: logged.id,
      storageLocation: logged.artifactUri,
    })
    // Its bytes are no graph: it is registered, but has no signature to be served by.
    expect(version.signature).toBeUndefined()
    await put('second.onnx')
    expect(
      (await registerFromSource(context, { ...late, source: logged.artifactUri })).onnxSha256,
    ).toBeUndefined()
  })

  it('notes every version on the logged model it was, also when many are registered at once', async () => {
    const context = await open()
    const { id } = await createLoggedModel(context, { ...caller, experimentId: '0', name: 'net' })
    const note = 'mlflow.modelVersions'
    const noted = async (): Promise<unknown> =>
      JSON.parse(
        (await getLoggedModel(context, { ...caller, id })).tags.find(({ key }) => key === note)!.value,
      )
    const names = Array.from({ length: 12 }, (_, at) => `late-${at}`)
    const register = async (name: string): Promise<void> => {
      await createModel(context, { ...caller, name })
      await registerFromSource(context, { ...caller, model: name, source: `models:/${id}` })
    }
    await Promise.all(names.map(register))
    const expected = names.map((name) => ({ name, version: 1 }))
    expect(await noted()).toHaveLength(expected.length)
    expect(await noted()).toEqual(expect.arrayContaining(expected))
    await updateLoggedModel(context, { ...caller, id, tags: [{ key: note, value: 'no list' }] })
    await register('after')
    expect(await noted()).toEqual([{ name: 'after', version: 1 }])
  })

  it('resolves the source of a version, and refuses one that says another origin than the request', async () => {
    const context = await open()
    await createModel(context, { ...caller, name: 'late' })
    await createModel(context, {
      ...caller,
      name: 'words',
      tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
    })
    const run = await createRun(context, caller)
    const other = await createRun(context, caller)
    const logged = await createLoggedModel(context, { ...caller, experimentId: '0', sourceRunId: run.id })
    const register = (source: string, more: { runId?: string; loggedModelId?: string } = {}) =>
      registerFromSource(context, { ...late, source, ...more })
    const first = await register(`${run.artifactUri}/model`, { runId: run.id })
    await register(`models:/${logged.id}`, { loggedModelId: logged.id })
    await setAlias(context, { ...caller, model: 'late', alias: 'best', version: 1, source: 'test' })
    const copied = { source: 'models:/late/1', storageLocation: first.source, runId: run.id }
    expect(await register('models:/late@best')).toMatchObject(copied)
    expect(await register('models:/late/1', { runId: run.id })).toMatchObject(copied)
    expect(await register('models:/late/latest')).toMatchObject({ source: 'models:/late/4' })
    expect(await register(`runs:/${run.id}/model`)).toMatchObject({ runId: run.id })
    expect(await register(logged.artifactUri, { loggedModelId: logged.id })).toMatchObject({ runId: run.id })
    for (const [source, more] of [
      [`models:/${logged.id}`, { loggedModelId: 'm-other' }],
      ['models:/late/1', { runId: other.id }],
      [`${run.artifactUri}/model`, { runId: other.id }],
      [logged.artifactUri, { runId: run.id }],
      [`runs:/${run.id}/model`, { runId: other.id }],
      ['models:/words/1', {}],
      ['models:/late', {}],
      ['models://host/late/1', {}],
    ] as const)
      await expect(register(source, more), source).rejects.toMatchObject({ code: 'invalid' })
    await expect(register('models:/late@none')).rejects.toMatchObject({ code: 'not_found' })
    await expect(register('models:/late/Production')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('takes a folder that MLflow’s pyfunc can load, with every file of it, or says why it can’t be served', async () => {
    const context = await open()
    await createModel(context, { ...caller, name: 'late' })
    const register = async (outputs: string | null): Promise<ModelVersion> => {
      const logged = await createLoggedModel(context, { ...caller, experimentId: '0', name: 'net' })
      const root = logged.artifactUri.replace('mlflow-artifacts:/', '')
      const inputs = '[{"type": "double", "name": "hour"}]'
      const mlmodel = `flavors: {python_function: {}}\nsignature: {inputs: '${inputs}', outputs: ${outputs === null ? 'null' : `'${outputs}'`}}\n`
      for (const [path, text] of [
        ['MLmodel', mlmodel],
        ['code/rule.py', 'pass'],
        ['model.pkl', 'bytes'],
      ] as const)
        await putArtifact(context, {
          ...caller,
          path: `${root}/${path}`,
          content: { bytes: Buffer.from(text) },
        })
      return await registerFromSource(context, { ...late, source: `models:/${logged.id}` })
    }
    const tensor = (dtype: string, shape: string): string =>
      `[{"type": "tensor", "tensor-spec": {"dtype": "${dtype}", "shape": ${shape}}}]`
    const version = await register(tensor('float64', '[-1, 2]'))
    expect(version.python?.files.map(({ path }) => path)).toEqual(['MLmodel', 'code/rule.py', 'model.pkl'])
    expect(version.signature).toMatchObject({ task: 'binary', score: { output: 'predictions', column: 1 } })
    const kept = await referencedBlobs(context.db.read)
    expect(version.python!.files.every(({ sha256 }) => kept.includes(sha256))).toBe(true)
    expect((await register(tensor('int64', '[-1]'))).signature).toMatchObject({ task: 'multiclass' })
    expect((await register(tensor('float64', '[-1]'))).signature).toMatchObject({ task: 'regression' })
    const unsigned = await register(null)
    expect(unsigned.problem).toMatch(/infer_signature/)
    expect(unsigned.python).toBeUndefined()
  })

  it('judges a version by the gates of its model and stores the decision with its numbers', async () => {
    const context = await open()
    const definitions = [model('late', { task: 'binary', gates: [gain({ metric: 'auc' }), noLeak()] })]
    await context.db.write((trx) => applyModelDefinitions(context, trx, { ...caller, definitions }))
    expect(await gatesOfModel(context, late)).toEqual(definitions[0]!.gates)
    await register(context)
    const candidate = await register(context)
    expect(candidate.task).toBe('binary')
    expect(await findGateReport(context, { ...late, version: 2 })).toBeUndefined()
    const stored = await storeEvaluation(context, { ...late, evaluation: evaluation(candidate.id) })
    const report = await runGates(context, { ...late, version: 2, evaluationId: stored.id, cause: 'run-7' })
    expect(report).toMatchObject({
      verdict: 'undecided',
      sentence: 'Gate declined late/2: AUC +0.003 [−0.001, +0.006] over 2 days against late/1: no gain',
    })
    expect(await findGateReport(context, { ...late, version: 2 })).toEqual(report)
    const decision = await context.db.read.selectFrom('decision').selectAll().executeTakeFirstOrThrow()
    expect(decision).toMatchObject({
      id: report.decisionId,
      subject_id: 'late/2',
      verdict: 'undecided',
      cause: 'run-7',
      kind: 'gate',
    })
    expect(JSON.parse(decision.numbers_json)).toMatchObject({
      results: [{ gate: 'gain', numbers: { gain: 0.003, lower: -0.001 } }, { gate: 'no_leak' }],
    })
    expect(JSON.parse(decision.inputs_json)).toMatchObject({ holdoutDigest: 'abc', evaluationId: stored.id })
    await expect(runGates(context, { ...late, version: 1, evaluationId: stored.id })).rejects.toMatchObject({
      code: 'invalid',
    })
  })

  it('answers every route with what its schema says', async () => {
    const context = await open()
    await register(context)
    const candidate = await register(context)
    await storeEvaluation(context, { ...late, evaluation: evaluation(candidate.id) }).then(({ id }) =>
      runGates(context, { ...late, version: 2, evaluationId: id }),
    )
    const options = {
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    }
    const app = createApp(options)
    const schemas = new Map(routes.map((item) => [`${item.method} ${item.path}`, item.response]))
    const ask = async (method: string, path: string, pattern: string, body?: object): Promise<unknown> => {
      const response = await app.request(`/api/v1${path}`, {
        method,
        ...(body && { body: JSON.stringify(body) }),
      })
      expect(response.status).toBe(200)
      const answer: unknown = await response.json()
      expect(schemas.get(`${method} ${pattern}`)!.parse(answer)).toEqual(answer)
      return answer
    }
    await ask('PUT', '/models/late/aliases/champion', '/models/:name/aliases/:alias', { version: 2 })
    expect(await ask('GET', '/models', '/models')).toMatchObject({
      items: [{ name: 'late', aliases: [{ alias: 'champion', version: 2 }] }],
    })
    expect(await ask('GET', '/models/late', '/models/:name')).toMatchObject({
      versions: [{ version: 2 }, { version: 1 }],
    })
    const version = await ask('GET', '/models/late/versions/2', '/models/:name/versions/:version')
    expect(version).toMatchObject({
      gateVerdict: 'pass',
      evaluations: [{ subject: 'late/2', role: 'candidate', days: 2 }, { subject: 'late/1' }],
    })
    await ask('DELETE', '/models/late/aliases/champion', '/models/:name/aliases/:alias')
    expect((await app.request('/api/v1/models/late/versions/9')).status).toBe(404)
  })
})
