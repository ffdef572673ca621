import { expect, test } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { registerVersion } from '../src/registry/registry.ts'
import { purgeByItself, purgeTrash, showTrash } from '../src/server/trash.ts'
import {
  createExperiment,
  createLoggedModel,
  createRun,
  getArtifact,
  getExperiment,
  getRun,
  logBatch,
  logInputs,
  putArtifact,
  putRunArtifact,
  setExperimentLifecycle,
  setRunsLifecycle,
  updateLoggedModel,
} from '../src/tracking/tracking.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from './databases.ts'

const OWNER = { projectId: PROJECT_ID, actor: localOwner }
const DAY_MS = 86_400_000
const TABLES = [
  'run',
  'run_param',
  'run_tag',
  'run_metric',
  'run_metric_latest',
  'run_input',
  'run_model',
  'artifact_file',
] as const

async function addRun(context: TestContext, experimentId = '0'): Promise<string> {
  const { id: runId } = await createRun(context, { ...OWNER, experimentId, tags: [{ key: 'a', value: 'b' }] })
  const metrics = Array.from({ length: 600 }, (_, step) => ({
    key: 'loss',
    value: step,
    timestampMs: step,
    step,
  }))
  await logBatch(context, { ...OWNER, runId, metrics, params: [{ key: 'p', value: '1' }] })
  const dataset = { name: 'd', digest: 'x', sourceType: 'code', source: '{}', tags: [] }
  await logInputs(context, { ...OWNER, runId, datasets: [dataset] })
  await putRunArtifact(context, {
    ...OWNER,
    runId,
    path: 'model/a.txt',
    content: { bytes: Buffer.from(runId) },
  })
  return runId
}

async function counts(context: TestContext): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const table of TABLES)
    found[table] = (await context.db.read.selectFrom(table).select('project_id').execute()).length
  return found
}

async function trashOf(context: TestContext, olderThanMs = 0) {
  return await showTrash(context, { ...OWNER, olderThanMs })
}

describeDatabases('the trash', (open) => {
  test('shows what was deleted, with sizes, and purges what is old enough with everything below it', async () => {
    const context = await open()
    const kept = await addRun(context)
    const before = await counts(context)
    const old = await addRun(context)
    const fresh = await addRun(context)
    await setRunsLifecycle(context, { ...OWNER, runIds: [old], lifecycle: 'deleted' })
    context.clock.advance(30 * DAY_MS)
    await setRunsLifecycle(context, { ...OWNER, runIds: [fresh], lifecycle: 'deleted' })
    const { items } = await trashOf(context, 30 * DAY_MS)
    expect(items).toMatchObject([{ kind: 'run', id: old, files: 1, bytes: 32 }])
    expect((await trashOf(context)).items).toHaveLength(2)
    expect(await getRun(context, { ...OWNER, runId: old })).toMatchObject({ lifecycle: 'deleted' })
    await purgeTrash(context, { ...OWNER, olderThanMs: 30 * DAY_MS })
    await expect(getRun(context, { ...OWNER, runId: old })).rejects.toMatchObject({ code: 'not_found' })
    expect(await getRun(context, { ...OWNER, runId: fresh })).toMatchObject({
      params: [{ key: 'p', value: '1' }],
    })
    await purgeTrash(context, { ...OWNER, olderThanMs: 0 })
    expect(await counts(context)).toEqual(before)
    expect((await getRun(context, { ...OWNER, runId: kept })).metrics).toHaveLength(1)
    const audit = await context.db.read
      .selectFrom('audit')
      .select('detail_json')
      .where('action', '=', 'tracking.purge_runs')
      .execute()
    expect(audit.map(({ detail_json }) => JSON.parse(detail_json) as object)).toEqual([
      { ids: [old] },
      { ids: [fresh] },
    ])
  })

  test('the name of a purged experiment is free again; before that the refusal says what to do', async () => {
    const context = await open()
    const { id } = await createExperiment(context, { ...OWNER, name: 'flights' })
    await addRun(context, id)
    const { id: modelId } = await createLoggedModel(context, {
      ...OWNER,
      experimentId: id,
      name: 'm',
      tags: [{ key: 'k', value: 'v' }],
    })
    await setExperimentLifecycle(context, { ...OWNER, id, lifecycle: 'deleted' })
    await expect(createExperiment(context, { ...OWNER, name: 'flights' })).rejects.toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining(
        `restore experiment ${id}, or purge it: tidemill gc --experiment ${id}`,
      ),
    })
    const { items } = await trashOf(context)
    expect(items.map(({ kind }) => kind)).toEqual(['run', 'logged-model', 'experiment'])
    await purgeTrash(context, { ...OWNER, olderThanMs: 0, experimentId: id })
    const again = await createExperiment(context, { ...OWNER, name: 'flights' })
    expect(again.id).not.toBe(id)
    await expect(getExperiment(context, { ...OWNER, id })).rejects.toMatchObject({ code: 'not_found' })
    const left = await context.db.read
      .selectFrom('logged_model')
      .select('id')
      .where('id', '=', modelId)
      .execute()
    expect(left).toEqual([])
    expect(await context.db.read.selectFrom('run_dataset').select('id').execute()).toEqual([])
  })

  test('what a model version came from stays, with its experiment and its files, and the reason is told', async () => {
    const context = await open()
    const { id: experimentId } = await createExperiment(context, { ...OWNER, name: 'flights' })
    const byRun = await addRun(context, experimentId)
    const byPlace = await addRun(context, experimentId)
    const model = await createLoggedModel(context, { ...OWNER, experimentId, name: 'm' })
    const register = { ...OWNER, model: 'late', createModel: true }
    await registerVersion(context, { ...register, source: 'x', runId: byRun })
    await registerVersion(context, {
      ...register,
      source: `mlflow-artifacts:/${experimentId}/${byPlace}/artifacts/model`,
    })
    await registerVersion(context, { ...register, source: `models:/${model.id}`, loggedModelId: model.id })
    await updateLoggedModel(context, { ...OWNER, id: model.id, lifecycle: 'deleted' })
    await setExperimentLifecycle(context, { ...OWNER, id: experimentId, lifecycle: 'deleted' })
    const before = await counts(context)
    const { items } = await purgeTrash(context, { ...OWNER, olderThanMs: 0 })
    expect(Object.fromEntries(items.map(({ id, keptBy }) => [id, keptBy]))).toEqual({
      [byRun]: 'model version late/1',
      [byPlace]: 'model version late/2',
      [model.id]: 'model version late/3',
      [experimentId]: '3 runs or logged models that stay',
    })
    expect(await counts(context)).toEqual(before)
    await setExperimentLifecycle(context, { ...OWNER, id: experimentId, lifecycle: 'active' })
    expect(await getRun(context, { ...OWNER, runId: byRun })).toMatchObject({ lifecycle: 'active' })
  })

  test('goes on where it was stopped, at whatever point that was; what is half gone is found by nobody', async () => {
    const context = await open()
    const { id } = await createExperiment(context, { ...OWNER, name: 'flights' })
    const runId = await addRun(context, id)
    await setExperimentLifecycle(context, { ...OWNER, id, lifecycle: 'deleted' })
    let stops = 0
    for (let calls = 1; ; calls++) {
      let left = calls
      const write: TestContext['db']['write'] = async (work) => {
        if (left-- <= 0) throw new Error('stopped')
        return await context.db.write(work)
      }
      const isStopped = await purgeTrash(
        { ...context, db: { ...context.db, write } },
        { ...OWNER, olderThanMs: 0 },
      ).then(
        () => false,
        (error: unknown) => String(error).includes('stopped'),
      )
      if (!isStopped) break
      stops += 1
      await expect(getRun(context, { ...OWNER, runId })).rejects.toMatchObject({ code: 'not_found' })
      await expect(
        setRunsLifecycle(context, { ...OWNER, runIds: [runId], lifecycle: 'active' }),
      ).rejects.toMatchObject({
        code: 'not_found',
      })
    }
    expect(stops).toBeGreaterThan(3)
    expect(Object.values(await counts(context)).every((rows) => rows === 0)).toBe(true)
    await createExperiment(context, { ...OWNER, name: 'flights' })
  })

  test('artifacts of runs that exist no more are orphans; others are left alone', async () => {
    const context = await open()
    const runId = await addRun(context)
    const orphan = `1/${'a'.repeat(32)}/artifacts`
    for (const path of [`${orphan}/x/1.txt`, `${orphan}/2.txt`, 'elsewhere/3.txt'])
      await putArtifact(context, { ...OWNER, path, content: { bytes: Buffer.from('12345') } })
    expect((await trashOf(context)).orphans).toEqual([{ folder: orphan, files: 2, bytes: 10 }])
    await purgeTrash(context, { ...OWNER, olderThanMs: DAY_MS })
    expect((await trashOf(context)).orphans).toHaveLength(1)
    await purgeTrash(context, { ...OWNER, olderThanMs: 0 })
    expect((await trashOf(context)).orphans).toEqual([])
    await getArtifact(context, { ...OWNER, path: 'elsewhere/3.txt' })
    await getArtifact(context, { ...OWNER, path: `0/${runId}/artifacts/model/a.txt` })
  })

  test('by itself nothing goes, unless the settings say after how many days', async () => {
    const context = await open()
    const runId = await addRun(context)
    await setRunsLifecycle(context, { ...OWNER, runIds: [runId], lifecycle: 'deleted' })
    context.clock.advance(10 * DAY_MS)
    await purgeByItself(context)
    expect((await trashOf(context)).items).toHaveLength(1)
    await purgeByItself({ ...context, config: { ...context.config, trashDays: 11 } })
    expect((await trashOf(context)).items).toHaveLength(1)
    await purgeByItself({ ...context, config: { ...context.config, trashDays: 10 } })
    expect((await trashOf(context)).items).toEqual([])
  })

  test('who is no admin of the project may look but not purge', async () => {
    const context = await open()
    const actor = { ...localOwner, grants: { [PROJECT_ID]: 'maintainer' as const } }
    await showTrash(context, { projectId: PROJECT_ID, actor, olderThanMs: 0 })
    await expect(purgeTrash(context, { projectId: PROJECT_ID, actor, olderThanMs: 0 })).rejects.toMatchObject(
      { code: 'denied' },
    )
  })
})
