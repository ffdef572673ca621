import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { createModel, getModel, getModelVersion, registerVersion } from '../registry/registry.ts'
import {
  createExperiment,
  createRun,
  getArtifact,
  getExperiment,
  getLoggedModel,
  getMetricHistory,
  getRun,
  searchExperiments,
  setExperimentLifecycle,
} from '../tracking/tracking.ts'
import { importMlflow } from './importing.ts'
import { CHILD, DELETED, LOGGED_MODEL, RUN, writeSampleStore } from './sample-store.ts'
import type { MlflowSource } from './schema.ts'
import { openSqliteSource } from './source-sqlite.ts'

const OWNER = { projectId: PROJECT_ID, actor: localOwner }

function open(file: string, options: { includeDeleted?: boolean } = {}): MlflowSource {
  return openSqliteSource(file, { includeDeleted: false, workspace: 'default', ...options })
}

async function importFile(context: TestContext, file: string, options: { includeDeleted?: boolean } = {}) {
  await using source = open(file, options)
  return await importMlflow(context, { ...OWNER, source })
}

async function pointsOf(context: TestContext): Promise<number> {
  const rows = await context.db.read.selectFrom('run_metric').select('step').execute()
  return rows.length
}

describeDatabases('import from the database of MLflow', (openContext) => {
  test('brings runs with their ids, times, params, tags, histories, inputs, outputs and files', async () => {
    const context = await openContext()
    const report = await importFile(context, writeSampleStore())
    expect(report).toMatchObject({
      metricPoints: 1003,
      mapping: [],
      verification: { runs: 2, differences: [] },
      counts: {
        experiments: { imported: 2 },
        runs: { imported: 2, skipped: 1 },
        'artifact files': { imported: 3 },
      },
    })
    const run = await getRun(context, { ...OWNER, runId: RUN })
    expect(run).toMatchObject({
      name: 'first',
      userId: 'ada',
      status: 'FINISHED',
      startMs: 2000,
      endMs: 3000,
      experimentId: '7',
    })
    expect(run.params).toEqual(
      expect.arrayContaining([
        { key: 'lr', value: '0.1' },
        { key: 'depth', value: '6' },
      ]),
    )
    expect(run.datasets).toEqual([
      {
        name: 'tiny',
        digest: 'abc',
        sourceType: 'code',
        source: '{}',
        profile: '{"rows":2}',
        tags: [{ key: 'mlflow.data.context', value: 'training' }],
      },
    ])
    expect(run.models).toEqual([{ direction: 'output', loggedModelId: LOGGED_MODEL, step: 3 }])
    const latest = Object.fromEntries(run.metrics.map(({ key, value }) => [key, value]))
    expect(latest).toEqual({ bad: Number.NaN, up: Infinity, down: -Infinity, loss: 0.001 })
    const { metrics } = await getMetricHistory(context, { ...OWNER, runId: RUN, key: 'loss', limit: 2000 })
    expect(metrics).toHaveLength(1000)
    expect(metrics[10]).toEqual({ key: 'loss', value: 1 / 11, timestampMs: 1010, step: 10 })
    expect((await getRun(context, { ...OWNER, runId: CHILD })).parentRunId).toBe(RUN)
    const path = `7/${RUN}/artifacts/notes/a.txt`
    const { sha256 } = await getArtifact(context, { ...OWNER, path })
    expect(Buffer.from(await context.artifacts.bytes(sha256)).toString()).toBe('a note')
    await getArtifact(context, { ...OWNER, path: `7/${CHILD}/artifacts/b.txt` })
    expect(await getExperiment(context, { ...OWNER, id: '7' })).toMatchObject({
      name: 'flights',
      tags: [{ key: 'team', value: 'late' }],
      createdMs: 1001,
    })
    const next = await createExperiment(context, { ...OWNER, name: 'next' })
    expect(next.id).toBe('8')
  })

  test('brings models, versions, aliases and stages, and tells no event of them', async () => {
    const context = await openContext()
    const report = await importFile(context, writeSampleStore())
    expect(report.counts['model versions']).toEqual({ imported: 1, unchanged: 0, skipped: 1 })
    expect(await getModel(context, { ...OWNER, name: 'late' })).toMatchObject({
      description: 'Will it be late?',
      tags: [{ key: 'owner', value: 'ada' }],
      aliases: [{ alias: 'champion', version: 1 }],
      createdMs: 4000,
    })
    expect(await getModelVersion(context, { ...OWNER, model: 'late', version: 1 })).toMatchObject({
      stage: 'Production',
      source: `models:/${LOGGED_MODEL}`,
      storageLocation: `mlflow-artifacts:/7/models/${LOGGED_MODEL}/artifacts`,
      loggedModelId: LOGGED_MODEL,
      runId: RUN,
      createdBy: 'ada',
      tags: [{ key: 'passed', value: 'yes' }],
      createdMs: 4100,
      updatedMs: 4200,
    })
    const model = await getLoggedModel(context, { ...OWNER, id: LOGGED_MODEL })
    expect(model).toMatchObject({
      name: 'late',
      modelType: 'onnx',
      status: 'READY',
      sourceRunId: RUN,
      params: [{ key: 'p', value: '1' }],
    })
    const measured = { key: 'auc', runId: RUN, datasetName: 'tiny', datasetDigest: 'abc' }
    expect(model.metrics).toEqual([
      { ...measured, value: 0.5, timestampMs: 1, step: 0 },
      { ...measured, value: 0.7, timestampMs: 2, step: 1 },
    ])
    // The number of the deleted version is not given out again.
    const { version } = await registerVersion(context, { ...OWNER, model: 'late', source: 'here' })
    expect(version).toBe(3)
    const events = await context.db.read.selectFrom('event').select('kind').execute()
    expect(events.map(({ kind }) => kind)).toEqual(['model.version_created'])
  })

  test('a second import changes nothing, and a third brings what is new in the source', async () => {
    const context = await openContext()
    const file = writeSampleStore()
    await importFile(context, file)
    const audits = async () => (await context.db.read.selectFrom('audit').select('seq').execute()).length
    const before = await audits()
    const again = await importFile(context, file)
    expect(Object.values(again.counts).filter(({ imported }) => imported > 0)).toEqual([])
    expect(again.counts.runs.unchanged).toBe(2)
    expect(await audits()).toBe(before)
    const database = new DatabaseSync(file)
    database.exec(`INSERT INTO metrics VALUES ('loss', 0.5, 9000, '${RUN}', 1000, 0); UPDATE latest_metrics SET value = 0.5, timestamp = 9000, step = 1000
      WHERE key = 'loss'; UPDATE tags SET value = 'w' WHERE key = 'k'`)
    database.close()
    const third = await importFile(context, file)
    expect(third.counts.runs).toMatchObject({ imported: 1, unchanged: 1 })
    expect(third.verification).toEqual({ runs: 1, differences: [] })
    expect(await pointsOf(context)).toBe(1004)
    const run = await getRun(context, { ...OWNER, runId: RUN })
    expect(run.tags).toContainEqual({ key: 'k', value: 'w' })
    expect(run.metrics).toContainEqual({ key: 'loss', value: 0.5, timestampMs: 9000, step: 1000 })
  })

  test('goes on where it was stopped, at whatever point that was', async () => {
    const context = await openContext()
    const file = writeSampleStore()
    let stops = 0
    for (let calls = 1; ; calls++) {
      let left = calls
      const write: TestContext['db']['write'] = async (work) => {
        if (left-- <= 0) throw new Error('stopped')
        return await context.db.write(work)
      }
      const stopped = await importFile({ ...context, db: { ...context.db, write } }, file).then(
        () => false,
        (error: unknown) => String(error).includes('stopped'),
      )
      if (!stopped) break
      stops += 1
    }
    expect(stops).toBeGreaterThan(3)
    const report = await importFile(context, file)
    expect(report.verification.differences).toEqual([])
    expect(await pointsOf(context)).toBe(1003)
    expect(await context.db.read.selectFrom('run_param').selectAll().execute()).toHaveLength(2)
    expect((await importFile(context, file)).verification.runs).toBe(0)
  })

  test('what is deleted comes only when it is asked for, and comes back with its experiment', async () => {
    const context = await openContext()
    const file = writeSampleStore()
    const report = await importFile(context, file)
    expect(report.skipped).toContainEqual(
      expect.objectContaining({
        what: 'runs',
        count: 1,
        reason: expect.stringContaining('--include-deleted'),
      }),
    )
    await importFile(context, file, { includeDeleted: true })
    const run = await getRun(context, { ...OWNER, runId: DELETED })
    // Files in a store of objects stay where MLflow's clients find them.
    expect(run).toMatchObject({
      lifecycle: 'deleted',
      artifactUri: `s3://bucket/8/${DELETED}/artifacts`,
      experimentId: '8',
    })
    await setExperimentLifecycle(context, { ...OWNER, id: '8', lifecycle: 'active' })
    expect((await getRun(context, { ...OWNER, runId: DELETED })).lifecycle).toBe('active')
  })

  test('a taken experiment id is mapped, an experiment of the same name takes the runs in', async () => {
    const context = await openContext()
    for (let number = 1; number <= 7; number++)
      await createExperiment(context, { ...OWNER, name: `mine ${number}` })
    const renumbered = await importFile(context, writeSampleStore())
    expect(renumbered.mapping).toEqual([{ experiment: '7', id: '8', how: 'renumbered' }])
    expect(await getRun(context, { ...OWNER, runId: RUN })).toMatchObject({
      experimentId: '8',
      artifactUri: `mlflow-artifacts:/8/${RUN}/artifacts`,
    })
    const other = await openContext()
    const mine = await createExperiment(other, { ...OWNER, name: 'flights' })
    expect((await importFile(other, writeSampleStore())).mapping).toEqual([
      { experiment: '7', id: mine.id, how: 'merged' },
    ])
    const deleted = await openContext()
    const { id } = await createExperiment(deleted, { ...OWNER, name: 'flights' })
    await setExperimentLifecycle(deleted, { ...OWNER, id, lifecycle: 'deleted' })
    await importFile(deleted, writeSampleStore())
    const { experiments } = await searchExperiments(deleted, {
      ...OWNER,
      filter: { and: [] },
      orderBy: [],
      lifecycle: 'active',
      limit: 10,
    })
    expect(experiments.map(({ name }) => name)).toContain('flights (2)')
  })

  test('runs and models that are here already and came from elsewhere are left alone', async () => {
    const context = await openContext()
    await createRun(context, { ...OWNER, id: RUN, name: 'mine' })
    await createModel(context, { ...OWNER, name: 'late', description: 'mine' })
    const { skipped, counts } = await importFile(context, writeSampleStore())
    expect(counts.runs).toMatchObject({ imported: 1, skipped: 2 })
    expect(skipped.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['runs', 'registered models', 'model versions']),
    )
    expect(await getRun(context, { ...OWNER, runId: RUN })).toMatchObject({ name: 'mine', params: [] })
    expect((await getModel(context, { ...OWNER, name: 'late' })).description).toBe('mine')
  })

  test('a run that differs from the source afterwards is named', async () => {
    const context = await openContext()
    await using source = open(writeSampleStore())
    const lossy: MlflowSource = {
      ...source,
      async *listRuns(ids) {
        for await (const page of source.listRuns(ids)) {
          await context.db.write((trx) =>
            trx
              .insertInto('run_param')
              .values({ run_id: RUN, key: 'lr', project_id: PROJECT_ID, experiment_id: '7', value: '0.2' })
              .execute(),
          )
          yield page
        }
      },
    }
    const { verification } = await importMlflow(context, { ...OWNER, source: lossy })
    expect(verification.runs).toBe(1)
    expect(verification.differences).toEqual([expect.stringContaining(`run ${RUN}`)])
  })

  test('who may not maintain the project is refused', async () => {
    const context = await openContext()
    await using source = open(writeSampleStore())
    const actor = { ...localOwner, grants: { [PROJECT_ID]: 'contributor' as const } }
    await expect(importMlflow(context, { projectId: PROJECT_ID, actor, source })).rejects.toMatchObject({
      code: 'denied',
    })
  })
})

test('a file that is no database of MLflow, or one of an unknown version, is refused with what would be right', () => {
  expect(() => open(writeSampleStore({ revision: 'abcdef012345' }))).toThrow(
    /schema abcdef012345, which is not known.*running server/,
  )
  expect(() => open('/nowhere/mlflow.db')).toThrow(/There is no file/)
  const runs = join(writeSampleStore(), '..', 'mlruns')
  const [above, database] = [join(runs, '..'), join(runs, '..', 'mlflow.db')]
  expect(() => open(runs)).toThrow(
    `\`mlflow migrate-filestore --source ${above} --target sqlite:///${database}\`, then \`tidemill import mlflow ${database}\``,
  )
  const file = join(writeSampleStore(), '..', 'text.db')
  writeFileSync(file, 'no database at all, but long enough to be read as one')
  expect(() => open(file)).toThrow(/can't be read as a SQLite database/)
})
