import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { workOff } from '../../test/work-off.ts'
import { addTeam, setMembership } from '../governance/teams.ts'
import { addUser, getUser } from '../governance/users.ts'
import { createApp } from '../http/app.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { train } from '../learners/learners.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { readGraphSignature } from '../model-files/model-files.ts'
import { registerVersion } from '../registry/registry.ts'
import { withdrawVersion } from '../rollout/rollout.ts'
import { routes as registryRoutes } from '../registry/routes.ts'
import { benchmarkDefinition, type BenchmarkDefinition } from './schema.ts'
import {
  changeBenchmark,
  createBenchmark,
  getBenchmark,
  listOwnSubmissions,
  referencedBlobs,
  submit,
} from './benchmarks.ts'
import { jobs } from './jobs.ts'
import { routes } from './routes.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const ada: Actor = { id: 'user:ada', kind: 'user', name: 'ada', grants: { [PROJECT_ID]: 'contributor' } }
const ben: Actor = { id: 'user:ben', kind: 'user', name: 'ben', grants: { [PROJECT_ID]: 'contributor' } }
const binary: BenchmarkDefinition = benchmarkDefinition.parse({
  task: 'binary',
  metric: 'auc',
  label: 'late',
  id: 'id',
  time: 'at',
})

/** 14 days × 60 rows: the chance of `late` grows with x, and a little with z; three kinds go by x too. */
const ROWS = `SELECT i AS id, TIMESTAMP '2001-02-01 12:00:00' + INTERVAL (i % 14) DAY AS at, x, z,
  (u < 0.05 + 0.7 * x + 0.2 * z)::INT AS late, CASE WHEN u + x < 0.7 THEN 'a' WHEN u + x < 1.3 THEN 'b' ELSE 'c' END AS kind
  FROM (SELECT i, (hash(i) % 10007) / 10007 AS x, (hash(i + 7777777) % 10007) / 10007 AS z, (hash(i + 999999) % 10007) / 10007 AS u
    FROM range(840) t(i))`

async function upload(context: TestContext, select: string, format = 'parquet'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-benchmarks-'))
  try {
    const path = join(folder, 'file')
    await context.analytics.execute(`COPY (${select}) TO ${quoteLiteral(path)} (FORMAT ${format})`)
    const blob = await context.artifacts.putFile(path)
    const id = context.ids.uuid()
    const row = { id, project_id: PROJECT_ID, sha256: blob.sha256, size_bytes: blob.sizeBytes }
    const created_ms = await context.db.wallTime()
    await context.db.write((trx) =>
      trx
        .insertInto('upload')
        .values({ ...row, created_ms })
        .execute(),
    )
    return id
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function work(context: TestContext): Promise<void> {
  await workOff(context, { consumers: [], jobs })
}

async function made(
  context: TestContext,
  definition: BenchmarkDefinition = binary,
  { select = ROWS, dailyLimit = 50 } = {},
) {
  const source = { upload: await upload(context, select) }
  await createBenchmark(context, { ...caller, name: 'late', description: '', definition, source, dailyLimit })
  await work(context)
  return await getBenchmark(context, { ...caller, name: 'late' })
}

/** A logistic regression on these columns, registered as the next version of `late`. */
async function model(context: TestContext, names: readonly ('x' | 'z')[]): Promise<number> {
  const read = await context.analytics.columns(`SELECT x, z, late FROM (${ROWS})`)
  const numbers = (name: string) => Float64Array.from(read[name] as number[])
  const columns = {
    x: { kind: 'number' as const, values: numbers('x') },
    z: { kind: 'number' as const, values: numbers('z') },
  }
  const features = names.map((name) => ({ name, kind: 'number' as const }))
  const frame = { rows: 840, columns }
  const bytes = train({
    learner: 'logistic',
    task: 'binary',
    frame,
    target: numbers('late'),
    features,
  }).toOnnx()
  const onnx = await context.artifacts.put(bytes)
  const signature = await readGraphSignature(await context.artifacts.localPath(onnx.sha256), {
    task: 'binary',
    kinds: new Map(),
    nullable: false,
  })
  const version = await registerVersion(context, {
    ...caller,
    model: 'late',
    source: 'test',
    createModel: true,
    onnx,
    signature,
    task: 'binary',
  })
  return version.version
}

async function submitted(
  context: TestContext,
  actor: Actor,
  what: Parameters<typeof submit>[1]['submitted'],
) {
  await submit(context, { projectId: PROJECT_ID, actor, name: 'late', submitted: what })
  await work(context)
  return (await listOwnSubmissions(context, { projectId: PROJECT_ID, actor, name: 'late', limit: 1 }))[0]!
}

describeDatabases('benchmarks', (open) => {
  it('measures models of several people on one locked holdout, with intervals, ranks and counts', async () => {
    const context = await open()
    const benchmark = await made(context)
    expect(benchmark).toMatchObject({
      state: 'open',
      holdout: { rows: 840, blocks: 14, days: true },
      higherIsBetter: true,
    })
    expect(benchmark.holdout!.features.map(({ name }) => name)).toEqual(['id', 'at', 'x', 'z', 'kind'])
    const weak = { model: 'late', version: await model(context, ['z']) }
    const strong = { model: 'late', version: await model(context, ['x']) }
    expect(await submitted(context, ada, weak)).toMatchObject({
      state: 'done',
      improved: true,
      label: 'late/1',
    })
    expect(await submitted(context, ben, strong)).toMatchObject({ state: 'done', improved: true })
    const { standings, participants, evaluated } = await getBenchmark(context, { ...caller, name: 'late' })
    expect(standings.map(({ name, label, rank, submissions }) => [name, label, rank, submissions])).toEqual([
      ['ben', 'late/2', { from: 1, to: 1 }, 1],
      ['ada', 'late/1', { from: 2, to: 2 }, 1],
    ])
    expect([participants, evaluated]).toEqual([2, 2])
    expect(standings[1]!.behind!.lower).toBeGreaterThan(0)
    for (const { score } of standings)
      expect(score.lower! < score.estimate && score.estimate < score.upper!).toBe(true)
  })

  it('measures the same content once for a participant, and says nothing of the score of what is no better', async () => {
    const context = await open()
    await made(context)
    const strong = { model: 'late', version: await model(context, ['x', 'z']) }
    const weak = { model: 'late', version: await model(context, ['z']) }
    const first = await submitted(context, ada, strong)
    expect(await submitted(context, ada, strong)).toEqual(first)
    const second = await submitted(context, ada, weak)
    expect(second).toMatchObject({ state: 'done', improved: false, score: null })
    const { standings, evaluated } = await getBenchmark(context, { ...caller, name: 'late' })
    expect(evaluated).toBe(2)
    expect(standings).toMatchObject([{ label: 'late/1', submissions: 2, score: first.score }])
    const stored = await context.db.read
      .selectFrom('benchmark_submission')
      .select(['blocks_json', 'released_json'])
      .where('id', '=', second.id)
      .executeTakeFirstOrThrow()
    expect(stored).toEqual({ blocks_json: null, released_json: null })
  })

  it('takes predictions by id, in Parquet and CSV, and says why a file will not do', async () => {
    const context = await open()
    await made(context)
    const file = async (select: string, format: 'parquet' | 'csv' = 'parquet') => ({
      upload: await upload(context, select, format),
      format,
      label: 'elsewhere',
    })
    const shuffled = `SELECT id, x AS score FROM (${ROWS}) ORDER BY hash(id)`
    const byModel = await submitted(context, ben, { model: 'late', version: await model(context, ['x']) })
    // The model is monotone in x, so that ranking by x is ranking by the model.
    expect((await submitted(context, ada, await file(shuffled))).score).toEqual(byModel.score)
    expect(await submitted(context, ada, await file(`${shuffled} LIMIT 800`))).toMatchObject({
      state: 'failed',
      error: 'The file has no score for 40 rows of the holdout',
    })
    const twice = `SELECT id, x AS score FROM (${ROWS}) UNION ALL SELECT 0, 0.5`
    expect((await submitted(context, ada, await file(twice))).error).toContain(
      'more than one score for 1 rows',
    )
    expect((await submitted(context, ada, await file(`SELECT id, x FROM (${ROWS})`))).error).toContain(
      'lacks score',
    )
    const text = `SELECT id, CASE WHEN id = 3 THEN 'high' ELSE x::VARCHAR END AS score FROM (${ROWS})`
    expect((await submitted(context, ada, await file(text, 'csv'))).error).toContain('finite number')
    expect(
      await submitted(context, ada, await file(`SELECT id, 1 - x AS score FROM (${ROWS})`, 'csv')),
    ).toMatchObject({
      state: 'done',
      improved: false,
    })
    const broken = {
      upload: await upload(context, 'SELECT 1', 'csv'),
      format: 'parquet' as const,
      label: 'broken',
    }
    expect((await submitted(context, ada, broken)).error).toContain('can’t be read')
  })

  it('matches ids as the holdout has them, with their leading zeros', async () => {
    const context = await open()
    const definition = { ...binary, id: 'code' }
    await made(context, definition, {
      select: `SELECT printf('%04d', id) AS code, * EXCLUDE (id) FROM (${ROWS})`,
    })
    const file = async (select: string) => ({
      upload: await upload(context, select, 'csv'),
      format: 'csv' as const,
      label: 'elsewhere',
    })
    const select = `SELECT printf('%04d', id) AS code, x AS score FROM (${ROWS})`
    expect(await submitted(context, ada, await file(select))).toMatchObject({ state: 'done', improved: true })
    const other = `SELECT id AS code, x AS score FROM (${ROWS})`
    expect((await submitted(context, ben, await file(other))).error).toContain('no score for')
  })

  it('measures several classes from one column for each', async () => {
    const context = await open()
    const classes = ['a', 'b', 'c']
    const definition = benchmarkDefinition.parse({
      ...binary,
      task: 'multiclass',
      metric: 'macro_f1',
      label: 'kind',
      classes,
    })
    expect((await made(context, definition)).state).toBe('open')
    const select = `SELECT id, a / (a + b + c) AS a, b / (a + b + c) AS b, c / (a + b + c) AS c
      FROM (SELECT id, 1 - x AS a, 0.5 AS b, x AS c FROM (${ROWS}))`
    const file = { upload: await upload(context, select), format: 'parquet' as const, label: 'three' }
    const done = await submitted(context, ada, file)
    expect(done).toMatchObject({ state: 'done', improved: true })
    expect(done.score!.estimate).toBeGreaterThan(0.35)
    const certain = await upload(context, `SELECT id, 1 AS a, 1 AS b, 1 AS c FROM (${ROWS})`)
    expect(await submitted(context, ben, { ...file, upload: certain })).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('sum to 1'),
    })
    const version = await model(context, ['x'])
    await expect(
      submit(context, {
        projectId: PROJECT_ID,
        actor: ada,
        name: 'late',
        submitted: { model: 'late', version },
      }),
    ).rejects.toThrow('late/1 is a binary model; the benchmark is multiclass')
  })

  it('keeps a version that it is about to measure from being deleted', async () => {
    const context = await open()
    await made(context, binary)
    const version = await model(context, ['x'])
    const key = { ...caller, model: 'late', version }
    const what = { model: 'late', version }
    await submit(context, { projectId: PROJECT_ID, actor: ada, name: 'late', submitted: what })
    await expect(withdrawVersion(context, key)).rejects.toMatchObject({
      code: 'conflict',
      message:
        "late/1 can't be deleted: the benchmark late is about to measure late/1. Try again when the submission is done.",
    })
    await work(context)
    await withdrawVersion(context, key)
  })

  it('holds to the limit of a day, and takes nothing while closed', async () => {
    const context = await open()
    await made(context, binary, { dailyLimit: 2 })
    const ask = (actor: Actor, version: number) =>
      submit(context, { projectId: PROJECT_ID, actor, name: 'late', submitted: { model: 'late', version } })
    const versions = [
      await model(context, ['x']),
      await model(context, ['z']),
      await model(context, ['x', 'z']),
    ]
    await ask(ada, versions[0]!)
    await ask(ada, versions[1]!)
    await expect(ask(ada, versions[2]!)).rejects.toMatchObject({ code: 'denied', details: { dailyLimit: 2 } })
    await ask(ben, versions[2]!)
    context.clock.advance(86_400_000)
    await ask(ada, versions[2]!)
    await changeBenchmark(context, { ...caller, name: 'late', change: { state: 'closed' } })
    await expect(ask(ben, versions[0]!)).rejects.toMatchObject({ code: 'conflict' })
    expect((await getBenchmark(context, { ...caller, name: 'late' })).submissions).toBe(4)
  })

  it('counts a try again on the day on which it is made', async () => {
    const context = await open()
    await made(context, binary, { dailyLimit: 2 })
    const file = async (rows: number) => ({
      upload: await upload(context, `SELECT id, x AS score FROM (${ROWS}) LIMIT ${rows}`),
      format: 'parquet' as const,
      label: `${rows} rows`,
    })
    const short = await file(10)
    for (let day = 0; day < 2; day++) {
      for (let attempt = 0; attempt < 2; attempt++)
        expect(await submitted(context, ada, short)).toMatchObject({ state: 'failed' })
      await expect(submitted(context, ada, await file(20 + day))).rejects.toMatchObject({ code: 'denied' })
      context.clock.advance(86_400_000)
    }
  })

  it('lets the members of a team submit for it, and nobody else', async () => {
    const context = await open()
    await made(context)
    const admin = { ...localOwner }
    await addUser(context, { actor: admin, name: 'ada' })
    await addTeam(context, { actor: admin, name: 'tides' })
    await setMembership(context, { actor: admin, name: 'tides', user: 'ada', member: true })
    const member: Actor = { ...ada, id: `user:${(await getUser(context.db.read, 'ada')).id}` }
    const what = { model: 'late', version: await model(context, ['x']), team: 'tides' }
    expect(await submitted(context, member, what)).toMatchObject({ participant: 'tides', state: 'done' })
    const { standings } = await getBenchmark(context, { ...caller, name: 'late' })
    expect(standings).toMatchObject([{ participant: 'team:tides', name: 'tides' }])
    const ask = (actor: Actor, submittedFor: string) =>
      submit(context, {
        projectId: PROJECT_ID,
        actor,
        name: 'late',
        submitted: { ...what, team: submittedFor },
      })
    await expect(ask(ben, 'tides')).rejects.toMatchObject({ code: 'denied' })
    await expect(ask(member, 'ebbs')).rejects.toMatchObject({ code: 'not_found' })
    const step: Actor = { ...ada, id: 'step:1', kind: 'step' }
    await expect(
      submit(context, { projectId: PROJECT_ID, actor: step, name: 'late', submitted: what }),
    ).rejects.toMatchObject({
      code: 'denied',
    })
  })

  it('says why a holdout will not do, and takes no submissions to it', async () => {
    const context = await open()
    const wrong = async (select: string, change: Partial<BenchmarkDefinition> = {}) => {
      const name = `b${context.ids.uuid()}`
      const definition = { ...binary, ...change }
      await createBenchmark(context, {
        ...caller,
        name,
        description: '',
        definition,
        source: { upload: await upload(context, select) },
        dailyLimit: 5,
      })
      await work(context)
      const { state, error } = await getBenchmark(context, { ...caller, name })
      expect(state).toBe('failed')
      return error
    }
    expect(await wrong(`SELECT id, "at" FROM (${ROWS})`)).toContain('has no column late')
    expect(await wrong(ROWS, { label: 'x' })).toContain('A label of a binary task is 0 or 1')
    expect(await wrong(`SELECT * REPLACE (1 AS late) FROM (${ROWS})`)).toContain(
      'All rows have the same late',
    )
    expect(await wrong(`SELECT * REPLACE (id // 2 AS id) FROM (${ROWS})`)).toContain('must name each')
    expect(await wrong(`SELECT * FROM (${ROWS}) LIMIT 1`)).toContain('from 2 to 1000000 rows')
    expect(() => benchmarkDefinition.parse({ ...binary, metric: 'rmse' })).toThrow('measured by auc')
    expect(() => benchmarkDefinition.parse({ ...binary, task: 'multiclass', metric: 'accuracy' })).toThrow(
      'Classes',
    )
    for (const excluded of ['late', 'id', 'at'])
      expect(() => benchmarkDefinition.parse({ ...binary, exclude: [excluded] })).toThrow('can’t be excluded')
    await expect(
      createBenchmark(context, {
        ...caller,
        name: 'none',
        description: '',
        definition: binary,
        source: { upload: 'none' },
        dailyLimit: 5,
      }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })

  it('never hands out labels below an admin, and rows only where the benchmark says so', async () => {
    const context = await open()
    const { digest } = await made(context, { ...binary, featuresOpen: true })
    const as = (actor: Actor) =>
      createApp({
        context,
        routes: [...routes, ...registryRoutes],
        authenticate: async () => actor,
        resolveProject: async () => PROJECT_ID,
      })
    const get = (actor: Actor, path: string) => as(actor).request(`/api/v1/benchmarks/late${path}`)
    const maintainer: Actor = { ...ada, grants: { [PROJECT_ID]: 'maintainer' } }
    expect((await get(maintainer, '/holdout')).status).toBe(403)
    const whole = await get(localOwner, '/holdout')
    expect(whole.status).toBe(200)
    const { sha256 } = await context.artifacts.put(new Uint8Array(await whole.arrayBuffer()))
    expect(sha256).toBe(digest)
    const audits = await context.db.read.selectFrom('audit').select('action').execute()
    expect(audits.filter(({ action }) => action === 'benchmarks.read_holdout')).toHaveLength(1)
    const given = await get({ ...ada, grants: { [PROJECT_ID]: 'viewer' } }, '/features')
    const features = await context.artifacts.put(new Uint8Array(await given.arrayBuffer()))
    const path = quoteLiteral(await context.artifacts.localPath(features.sha256))
    const columns = await context.analytics.query(`DESCRIBE SELECT * FROM read_parquet(${path})`)
    expect(columns.map((row) => row['column_name'])).toEqual(['id', 'at', 'x', 'z', 'kind'])
    await submitted(context, ada, { model: 'late', version: await model(context, ['x']) })
    for (const seen of ['', '/submissions']) {
      const text = await (await get(ada, seen)).text()
      for (const secret of ['blocks', 'positives', 'wins'])
        expect(text.replace('"blocks":14', '')).not.toContain(secret)
    }
    const referenced = await referencedBlobs(context.db.read)
    expect(referenced).toEqual(expect.arrayContaining([digest, features.sha256]))
  })

  it('keeps the rows to itself by default, and lets only maintainers make a benchmark', async () => {
    const context = await open()
    await made(context)
    const app = createApp({
      context,
      routes,
      authenticate: async () => ada,
      resolveProject: async () => PROJECT_ID,
    })
    expect((await app.request('/api/v1/benchmarks/late/features')).status).toBe(403)
    const body = JSON.stringify({
      name: 'mine',
      definition: { task: 'regression', metric: 'rmse', label: 'x' },
      source: { upload: 'u' },
    })
    expect((await app.request('/api/v1/benchmarks', { method: 'POST', body })).status).toBe(403)
    expect((await app.request('/api/v1/benchmarks', { method: 'POST', body: '{}' })).status).toBe(403)
    expect((await app.request('/api/v1/benchmarks/none')).status).toBe(404)
  })
})
