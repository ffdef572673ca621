import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import type { AppError } from '../kernel/errors.ts'
import { registerVersion, setAlias } from '../registry/registry.ts'
import { consumers } from './consumers.ts'
import { jobs } from './jobs.ts'
import { deploy, getDeploymentState, listActiveRollouts } from './rollout.ts'

const late = { projectId: PROJECT_ID, actor: localOwner, model: 'late' }

async function serving(context: TestContext): Promise<void> {
  for (let number = 1; number <= 3; number++)
    await registerVersion(context, {
      ...late,
      source: 'test',
      createModel: true,
      onnx: await context.artifacts.put(Buffer.from(`graph ${number}`)),
      signature: {
        inputs: [{ name: 'hour', kind: 'number', datatype: 'FP64', nullable: true }],
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
        task: 'binary',
      },
    })
  await deploy(context, { ...late, deployment: 'late', version: 1 })
}

/** What follows from an alias becomes jobs, which other workers may take in any order. */
async function asked(context: TestContext, version: number, source = 'mlflow') {
  await setAlias(context, { ...late, alias: 'champion', version, source })
  for (const consumer of consumers) while ((await consume(context, consumer)) > 0);
  const row = await context.db.read
    .selectFrom('job')
    .selectAll()
    .where('kind', '=', 'rollout.deploy')
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow()
  const payload = JSON.parse(row.payload_json) as Record<string, never>
  const handler = jobs.find(({ kind }) => kind === row.kind)!
  return () =>
    handler.run(context, {
      id: row.id,
      projectId: row.project_id,
      kind: row.kind,
      payload,
      attempt: 1,
      lastAttempt: false,
      signal: AbortSignal.timeout(60_000),
    })
}

async function candidates(context: TestContext): Promise<number[]> {
  return (await listActiveRollouts(context.db.read)).map(({ candidate }) => candidate.version)
}

describeDatabases('an alias that is set twice', (open) => {
  test('is followed to where it points, whatever is carried out last', async () => {
    const context = await open()
    await serving(context)
    const second = await asked(context, 2)
    const third = await asked(context, 3)
    await third()
    await second()
    expect(await candidates(context)).toEqual([3])
    await third()
    expect(await candidates(context)).toEqual([3])
  })

  test('is followed there by workers at the same time', async () => {
    const context = await open()
    await serving(context)
    const second = await asked(context, 2)
    const third = await asked(context, 3)
    await Promise.all([second(), third()])
    expect(await candidates(context)).toEqual([3])
  })

  test('is not forgotten when the deployment was changed at the same time', async () => {
    const context = await open()
    await serving(context)
    const second = await asked(context, 2)
    let following: Promise<string | undefined> | undefined
    await context.db.write(async (trx) => {
      await trx
        .updateTable('deployment')
        .set((eb) => ({ revision: eb('revision', '+', 1) }))
        .execute()
      following = second().then(
        () => undefined,
        (error: AppError) => error.code,
      )
      // It has read the deployment as it was, and waits for this change of it.
      if (context.db.dialect === 'postgres') while (!(await isSomebodyWaiting(context)));
    })
    const failed = await following
    if (failed !== undefined) {
      // Its worker takes it up again.
      expect(failed).toBe('unavailable')
      await second()
    }
    expect(await candidates(context)).toEqual([2])
  })

  test('a rollback of a promotion that is carried out late undoes nothing that came after it', async () => {
    const context = await open()
    await serving(context)
    await (
      await asked(context, 2)
    )()
    const back = await asked(context, 1, 'promotion_rollback')
    await (
      await asked(context, 3)
    )()
    await back()
    expect(await candidates(context)).toEqual([3])
    expect((await getDeploymentState(context, { ...late, name: 'late' })).deployment.stable?.version).toBe(1)
  })
})

async function isSomebodyWaiting({ db }: TestContext): Promise<boolean> {
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db.read)
  return rows[0]!.n > 0
}
