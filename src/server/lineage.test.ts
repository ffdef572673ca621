import { RawNode } from 'kysely'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { tinyModel } from '../../test/gateways.ts'
import { ingest } from '../ingest/ingest.ts'
import { latestVersion } from '../data/data.ts'
import { createApp } from '../http/app.ts'
import { consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import { monitor } from '../monitoring/definition.ts'
import { declareMonitors } from '../monitoring/monitoring.ts'
import { registrationConsumer } from '../pipelines/consumers.ts'
import type { LineageKind } from '../ports/db/lineage-kinds.ts'
import { listModelVersions, registerVersion, storeEvaluation } from '../registry/registry.ts'
import { declareDeployments, deploy, withdrawVersion } from '../rollout/rollout.ts'
import { deployment } from '../serving/definition.ts'
import {
  createExperiment,
  createLoggedModel,
  createRun,
  logInputs,
  putArtifact,
} from '../tracking/tracking.ts'
import { applyFolder, PROJECT, runToEnd, until, writeProject } from '../worker/sample-project.ts'
import { startWorker } from '../worker/worker.ts'
import { referencedRuns } from './gc.ts'
import { getLineage, lineageRoutes, RELATIONS } from './lineage.ts'
import type { LineageGraph } from './schema.ts'
import { lineageTree } from './lineage-tree.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

function titles({ nodes }: LineageGraph): string[] {
  return nodes.map(({ kind, title }) => `${kind} ${title}`)
}

/** Edges in words, such as `run train -logged-> logged_model trees`. */
function sentences({ nodes, edges }: LineageGraph): string[] {
  const names = new Map(nodes.map(({ key, kind, title }) => [key, `${kind} ${title}`]))
  return edges.map(({ from, to, label }) => `${names.get(from)} -${label}-> ${names.get(to)}`)
}

async function ask(
  context: TestContext,
  kind: LineageKind,
  id: string,
  direction: 'up' | 'down' | 'both' = 'both',
  depth = 20,
): Promise<LineageGraph> {
  return await getLineage(context, { ...caller, node: { kind, id }, direction, depth })
}

const flights = { name: 'flights', digest: 'ab12', sourceType: 'local', source: 'x', tags: [] }

/** What a client of MLflow leaves behind: a search with one try that reads a dataset, logs a model and is registered. */
async function mlflowRun(context: TestContext, experiment: string) {
  const { id: experimentId } = await createExperiment(context, { ...caller, name: experiment })
  const search = await createRun(context, { ...caller, experimentId, name: 'search' })
  const run = await createRun(context, {
    ...caller,
    experimentId,
    name: 'train',
    parentRunId: search.id,
    tags: [{ key: 'mlflow.source.git.commit', value: 'c0ffee00'.repeat(5) }],
  })
  const model = await createLoggedModel(context, {
    ...caller,
    experimentId,
    name: 'trees',
    sourceRunId: run.id,
  })
  const tags = [{ key: 'mlflow.data.context', value: 'training' }]
  await logInputs(context, {
    ...caller,
    runId: run.id,
    datasets: [{ ...flights, tags }],
    models: [
      { direction: 'output', loggedModelId: model.id, step: 0 },
      { direction: 'input', loggedModelId: model.id, step: 0 },
    ],
  })
  const path = `${model.artifactUri.slice('mlflow-artifacts:/'.length)}/requirements.txt`
  await putArtifact(context, { ...caller, path, content: { bytes: Buffer.from('scikit-learn==1.5') } })
  const version = await registerVersion(context, {
    ...caller,
    model: 'late',
    source: `models:/${model.id}`,
    runId: run.id,
    loggedModelId: model.id,
    createModel: true,
  })
  return { search, run, model, version }
}

describeDatabases('lineage of what MLflow’s clients log', (open) => {
  it('leads from a version to its run, data, commit and requirements', async () => {
    const context = await open()
    await mlflowRun(context, 'one')
    const graph = await ask(context, 'model_version', 'late/1', 'up')
    expect(graph.cut).toBe(false)
    expect(graph.nodes[0]).toMatchObject({
      key: graph.start,
      title: 'late/1',
      href: '/models/late/versions/1',
    })
    expect(sentences(graph).toSorted()).toEqual([
      'code commit c0ffee00 -ran as-> run train',
      'environment requirements.txt -needed by-> logged_model trees',
      'logged_dataset flights -training-> run train',
      'logged_model trees -registered as-> model_version late/1',
      'run search -holds-> run train',
      'run train -logged-> logged_model trees',
      'run train -registered as-> model_version late/1',
    ])
  })

  it('tells what a dataset, a commit or a requirements file led to, across experiments', async () => {
    const context = await open()
    await mlflowRun(context, 'one')
    await mlflowRun(context, 'two')
    const versions = ['model_version late/1', 'model_version late/2']
    const fromData = await ask(context, 'logged_dataset', 'flights@ab12', 'down')
    expect(
      titles(fromData)
        .filter((title) => title.startsWith('model'))
        .toSorted(),
    ).toEqual(versions)
    const commit = await ask(context, 'code', `git:${'c0ffee00'.repeat(5)}`, 'down')
    expect(
      titles(commit)
        .filter((title) => title.startsWith('model'))
        .toSorted(),
    ).toEqual(versions)
    const upwards = await ask(context, 'model_version', 'late/1', 'up')
    const environment = upwards.nodes.find(({ kind }) => kind === 'environment')!
    const down = await ask(context, 'environment', environment.id, 'down')
    expect(
      titles(down)
        .filter((title) => title.startsWith('model'))
        .toSorted(),
    ).toEqual(versions)
  })

  it('is read by an index in both directions', async () => {
    const context = await open()
    if (context.db.dialect !== 'sqlite') return
    const plans: string[] = []
    const explained = context.db.read.withPlugin({
      transformQuery: ({ node }) => RawNode.create(['explain query plan ', ''], [node]),
      async transformResult({ result }) {
        plans.push(result.rows.map(({ detail }) => String(detail)).join('; '))
        return { ...result, rows: [] }
      },
    })
    const asked = RELATIONS.filter(({ to }) => to !== 'monitor')
    for (const relation of asked)
      for (const side of ['from', 'to'] as const)
        await relation.pairs(explained, { projectId: PROJECT_ID, side, ids: ['a', 'b'], limit: 10 })
    expect(plans).toHaveLength(2 * asked.length)
    expect(plans.filter((plan) => /SCAN |\(project_id=\?\)(;|$)/.test(plan))).toEqual([])
  })

  it('is written as a tree in which nothing is written out twice', async () => {
    const context = await open()
    const { run } = await mlflowRun(context, 'one')
    const lines = lineageTree(await ask(context, 'model_version', 'late/1', 'up'), 'up').split('\n')
    expect(lines.map((line) => line.replace(/ · .*$/, ''))).toEqual([
      'model version late/1',
      '├─ registered as: run train',
      '│  ├─ training: logged dataset flights',
      '│  ├─ holds: run search',
      '│  └─ ran as: code commit c0ffee00',
      '└─ registered as: logged model trees',
      '   ├─ logged: run train',
      '   └─ needed by: environment requirements.txt',
    ])
    expect(lineageTree(await ask(context, 'model_version', 'late/1', 'down'), 'down')).toContain(
      'Nothing came of it yet.',
    )
    expect(lineageTree(await ask(context, 'run', run.id, 'down'), 'down')).toContain('└─ registered as: ')
  })

  it('keeps to the steps that are asked for, and goes one direction at a time', async () => {
    const context = await open()
    const { run } = await mlflowRun(context, 'one')
    expect(titles(await ask(context, 'run', run.id, 'down', 1))).toEqual([
      'run train',
      'logged_model trees',
      'model_version late/1',
    ])
    const other = await mlflowRun(context, 'two')
    // Both used the same data and code, and neither came of the other.
    const both = await ask(context, 'run', other.run.id)
    expect(both.nodes.filter(({ kind }) => kind === 'model_version').map(({ title }) => title)).toEqual([
      'late/2',
    ])
  })

  it('keeps a deleted version in the graph, without a page', async () => {
    const context = await open()
    const { run } = await mlflowRun(context, 'one')
    await withdrawVersion(context, { ...caller, model: 'late', version: 1 })
    const graph = await ask(context, 'run', run.id, 'down')
    const node = graph.nodes.find(({ kind }) => kind === 'model_version')!
    expect(node).toMatchObject({ title: 'late/1', detail: 'deleted' })
    expect(node.href).toBeUndefined()
  })

  it('says that it was cut when more than 500 nodes came of something', async () => {
    const context = await open()
    const { id: experimentId } = await createExperiment(context, { ...caller, name: 'many' })
    const search = await createRun(context, { ...caller, experimentId, name: 'search' })
    const { experiment_id, ...row } = (await context.db.read
      .selectFrom('run')
      .selectAll()
      .where('id', '=', search.id)
      .executeTakeFirst())!
    const rows = Array.from({ length: 520 }, (_, n) => ({
      ...row,
      experiment_id,
      id: String(n).padStart(32, '0'),
      parent_run_id: search.id,
    }))
    for (let from = 0; from < rows.length; from += 260)
      await context.db.write((trx) =>
        trx
          .insertInto('run')
          .values(rows.slice(from, from + 260))
          .execute(),
      )
    const graph = await ask(context, 'run', search.id, 'down')
    expect(graph).toMatchObject({ cut: true })
    expect(graph.nodes).toHaveLength(500)
    const nodes = new Set(graph.nodes.map(({ key }) => key))
    expect(graph.edges.every(({ from, to }) => nodes.has(from) && nodes.has(to))).toBe(true)
  })

  it('names the runs and models that a version came from, so that they are not purged', async () => {
    const context = await open()
    const { run, search, model } = await mlflowRun(context, 'one')
    const runIds = [run.id, search.id, 'unknown']
    const asked = { runIds, loggedModelIds: [model.id, 'm-unknown'] }
    expect(await referencedRuns(context.db.read, asked)).toEqual({
      runs: [{ id: run.id, version: 'late/1' }],
      loggedModels: [{ id: model.id, version: 'late/1' }],
    })
    await withdrawVersion(context, { ...caller, model: 'late', version: 1 })
    expect(await referencedRuns(context.db.read, asked)).toEqual({ runs: [], loggedModels: [] })
  })

  it('answers GET /lineage, and refuses what is not there or not of this project', async () => {
    const context = await open()
    const { run } = await mlflowRun(context, 'one')
    const app = createApp({
      context,
      routes: lineageRoutes,
      authenticate: async () => localOwner,
      resolveProject: async (name) => name ?? PROJECT_ID,
    })
    const get = async (query: string, prefix = '') => await app.request(`${prefix}/api/v1/lineage?${query}`)
    const answer = await get('kind=model_version&id=late/1&direction=up')
    expect(answer.status).toBe(200)
    expect(lineageRoutes[0]!.response.safeParse(await answer.json()).success).toBe(true)
    expect((await get('kind=model_version&id=late/7')).status).toBe(404)
    expect((await get(`kind=run&id=${run.id}`, '/p/other')).status).toBe(404)
    expect((await get('kind=shoe&id=1')).status).toBe(400)
    expect((await get('kind=run&id=1&depth=99')).status).toBe(400)
    const actor = { ...localOwner, grants: {} }
    const node = { kind: 'run' as const, id: run.id }
    await expect(
      getLineage(context, { projectId: PROJECT_ID, actor, node, direction: 'up', depth: 1 }),
    ).rejects.toMatchObject({ code: 'denied' })
  })
})

const CONFIG = `
import { dataset, entity, featureView, files, Json, model, Model, pipeline, project, step, Table } from 'tidemill'
import { z } from 'zod'
const numbers = dataset('numbers', { source: files('feed/*.csv') })
export const clean = step('clean', { in: { data: Table }, out: { table: Table }, run: async ({ data, sql, output }) => {
  await sql.execute("COPY (SELECT n + m AS s FROM " + data.scan + ") TO '" + output.table + "' (FORMAT parquet)")
  return { table: { path: output.table } }
} })
export const fit = step('fit', { in: { data: Table }, out: { model: Model }, env: 'requirements.lock',
  run: () => ({ model: Buffer.from('${Buffer.from(tinyModel()).toString('base64')}', 'base64') }) })
const late = model('late', { task: 'binary' })
const p = pipeline('p', {}, ({ latest, register }) => {
  const { table } = clean({ data: latest(numbers) })
  register(late, fit({ data: table }).model)
})
export default project('lineage', { datasets: [numbers], models: [late], pipelines: [p] })`

describeDatabases('lineage of a pipeline’s model', (open) => {
  it('leads from data and code over the steps to the version, its evaluation, deployment and monitor, and back', async () => {
    const context = await open()
    await using worker = await startWorker(context)
    const folder = writeProject({
      'feed/one.csv': 'n,m\n1,2\n3,4\n',
      'requirements.lock': 'numpy==2.0.0\n',
      'tidemill.config.ts': CONFIG,
    })
    await applyFolder(context, folder)
    await ingest(context, { ...PROJECT, dataset: 'numbers' })
    const version = await registered(context, 1)
    const model = { ...caller, model: 'late' }
    await storeEvaluation(context, { ...model, evaluation: evaluationOf(version.id) })
    await declareDeployments(context, { ...PROJECT, deployments: [deployment('late', { model: 'late' })] })
    await deploy(context, {
      ...PROJECT,
      deployment: 'late',
      model: 'late',
      version: 1,
      force: true,
      reason: 'test',
    })
    await declareMonitors(context, { ...PROJECT, monitors: [monitor('late', { deployment: 'late' })] })

    const graph = await ask(context, 'model_version', 'late/1')
    expect(sentences(graph).toSorted()).toEqual([
      'code project version 1 -ran as-> pipeline_run p',
      'dataset_version numbers v1 -pinned by-> pipeline_run p',
      'dataset_version numbers v1 -read by-> execution clean',
      'deployment late -watched by-> monitor late',
      'environment requirements.lock -held for-> execution fit',
      'execution clean -fed-> execution fit',
      'execution fit -made-> model_version late/1',
      'execution fit -tracked as-> run fit',
      'model_version late/1 -judged as candidate-> evaluation on abc',
      'model_version late/1 -serves-> deployment late',
      'pipeline_run p -ran-> execution clean',
      'run fit -registered as-> model_version late/1',
    ])
    const down = await ask(context, 'dataset_version', 'numbers@1', 'down')
    expect(titles(down)).toContain('monitor late')
    const { id } = (await latestVersion(context, { ...PROJECT, dataset: 'numbers' }))!
    expect(down.start).toBe(`dataset_version:${id}`)
    const environment = graph.nodes.find(({ kind }) => kind === 'environment')!
    expect(titles(await ask(context, 'environment', environment.id, 'down'))).toContain(
      'model_version late/1',
    )

    // Nothing changed, so that the second run reuses both steps: it did not cause the first version, nor the first run its execution twice.
    await registered(context, 2)
    const second = await ask(context, 'model_version', 'late/2', 'up')
    expect(
      titles(second)
        .filter((title) => title.startsWith('execution'))
        .toSorted(),
    ).toEqual(['execution clean', 'execution fit'])
    const first = await ask(context, 'model_version', 'late/1', 'up')
    expect(first.nodes.filter(({ kind }) => kind === 'pipeline_run')).toHaveLength(1)
    await worker[Symbol.asyncDispose]()
  }, 60_000)
})

async function registered(context: TestContext, number: number) {
  const { run } = await runToEnd(context, 'p')
  expect(run).toMatchObject({ state: 'succeeded', error: null })
  return await until(`version ${number}`, async () => {
    await consume(context, registrationConsumer)
    const versions = await listModelVersions(context, { ...caller, model: 'late' })
    return versions.find(({ version }) => version === number)
  })
}

function evaluationOf(modelVersionId: string) {
  const subject = { name: 'late/1', role: 'candidate' as const, modelVersionId, metrics: {}, blocks: {} }
  const holdout = { digest: 'abc', rows: 10, days: ['2001-02-01'] }
  return { task: 'binary' as const, label: 'late', holdout, subjects: [subject], differences: [] }
}
