import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { files } from '../sources/definition.ts'
import { entity, featureService, featureView } from '../features/definition.ts'
import { declareFeatures, getService } from '../features/features.ts'
import { materialize } from './materialize.ts'
import { onlineReader, viewFeatures } from '../vectors/vectors.ts'
import { buildTrainingSet, planTrainingSet, type TrainingSetPlan } from '../point-in-time/point-in-time.ts'

const WEATHER = fileURLToPath(new URL('../data/seattle-weather.csv', import.meta.resolve('vega-datasets')))
const ROW_FUNCTION = `export const range = ({ temp_max, temp_min, date }) =>
  ({ range: temp_max - temp_min, weekday: new Date(date).getUTCDay() })\n`

const weather = dataset('weather', {
  source: files('data/*.csv'),
  time: 'date',
  knownAt: {
    temp_max: { after: '18h' },
    wind: { sql: 'date + INTERVAL 1 HOUR * CAST(round(wind) AS INTEGER)', within: '12h' },
  },
})
const kind = entity('kind', { key: 'weather' })
const shared = { entity: kind, dataset: weather }
const views = [
  featureView('windows', {
    ...shared,
    windows: ['2d', '10d'],
    aggregate: {
      days: { count: '*' },
      warmest: { max: 'temp_max' },
      calm: { share: { wind: { below: 3 } } },
    },
    ttl: '12d',
  }),
  featureView('ranges', {
    ...shared,
    row: {
      module: 'range.mjs',
      export: 'range',
      inputs: { temp_max: 'number', temp_min: 'number', date: 'timestamp' },
    },
    features: { range: 'number', weekday: 'number' },
    ttl: '5d',
  }),
  featureView('known', {
    ...shared,
    sql: 'SELECT weather, date AS event_time, date + INTERVAL 18 HOURS AS known, temp_max AS known_max FROM dataset',
    createdTimestamp: 'known',
    features: { known_max: 'number' },
    ttl: '5d',
  }),
  featureView('rains', {
    ...shared,
    sql: 'SELECT weather, date AS event_time, precipitation AS rain FROM dataset',
    lookback: '1d',
    features: { rain: 'number' },
    ttl: '2d',
  }),
]
const definitions = {
  entities: [kind],
  views,
  onDemand: [],
  services: [featureService('all', views)],
}
const KINDS = ['drizzle', 'rain', 'sun', 'snow', 'fog', 'hail']
const START_MS = Date.UTC(2012, 0, 1)
const MOMENTS = [0, 0.5, 3.2, 17.75, 18, 31.1, 60.4, 61, 200.9].map((day) => START_MS + day * DAY_MS)

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

describeDatabases('features of every kind of view', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-parity-'))
    folders.push(folder)
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'range.mjs'), ROW_FUNCTION)
    const code = {
      'range.mjs': { base64: Buffer.from(ROW_FUNCTION).toString('base64'), executable: false },
    }
    const { sha256: snapshot } = await context.artifacts.put(
      Buffer.from(canonicalJson({ format: 1, files: code })),
    )
    const base = { projectId: PROJECT_ID, actor: localOwner }
    await declareDatasets(context, { ...base, directory: folder, datasets: [weather] })
    await declareFeatures(context, { ...base, definitions, snapshot })
    const spec = await getService(context, { projectId: PROJECT_ID, name: 'all' })
    const read = onlineReader(context.online, PROJECT_ID, viewFeatures(spec))
    return {
      context,
      folder,
      spec,
      /** The days of Seattle for which `chosen` holds, as a file of their own. */
      deliver: async (name: string, chosen: (day: number) => boolean) => {
        const [header, ...days] = readFileSync(WEATHER, 'utf8').trim().split('\n')
        const lines = days.filter((_, day) => chosen(day))
        writeFileSync(join(folder, 'data', name), [header, ...lines, ''].join('\n'))
        const result = await ingest(context, { ...base, dataset: 'weather' })
        if (result.state !== 'created') throw new Error(JSON.stringify(result))
        return result.version.id
      },
      plan: (version: string, moments: readonly number[]) => {
        const asked = moments.flatMap((at) =>
          KINDS.map((name) => `SELECT '${name}' AS weather, make_timestamp(${at}000) AS event_time`),
        )
        const spine = { sql: asked.join(' UNION ALL ') }
        return planTrainingSet(context, { ...base, spec, spine, datasetVersions: { weather: version } })
      },
      join: async (plan: TrainingSetPlan) => {
        const target = join(folder, 'set.parquet')
        await buildTrainingSet(context.analytics, plan, { snapshotDirectory: folder, target })
        return await context.analytics.query(`SELECT * EXCLUDE event_time FROM read_parquet('${target}')`)
      },
      /** What is online at a moment, after materialization until then. */
      serve: async (at: number) => {
        for (const { view, definitionHash } of spec.views) {
          await materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs: at })
        }
        const columns = await read({ weather: KINDS }, KINDS.length, at)
        return KINDS.map((name, row): Record<string, unknown> => {
          const values = spec.features.map((feature, index) => [feature.name, columns[index]!.values[row]])
          return { weather: name, ...Object.fromEntries(values) }
        })
      },
    }
  }

  it('online at a moment, after materialization until then, are what the join gives at that moment', async () => {
    const { spec, deliver, plan, join, serve } = await arrange()
    const joined = await join(await plan(await deliver('all.csv', () => true), MOMENTS))
    const served: Record<string, unknown>[] = []
    for (const at of MOMENTS) served.push(...(await serve(at)))
    expect(served).toEqual(joined)
    const present = spec.features.map(({ name }) => joined.filter((row) => row[name] !== null).length)
    expect(Math.min(...present)).toBeGreaterThan(5)
    expect(Math.max(...present)).toBeLessThan(joined.length - 5)
  }, 60_000)

  it('are right online when days come late, before and after the moment that was online', async () => {
    const { deliver, plan, join, serve } = await arrange()
    const moment = START_MS + 33.4 * DAY_MS
    await deliver('even.csv', (day) => day % 2 === 0)
    await serve(moment)
    const version = await deliver('odd.csv', (day) => day % 2 === 1 && day < 40)
    for (const at of [moment, moment + 1.7 * DAY_MS]) {
      expect(await serve(at)).toEqual(await join(await plan(version, [at])))
    }
  }, 60_000)

  it('are the same bytes when a training set is built again in another process', async () => {
    const { context, folder, deliver, plan: planOf } = await arrange()
    const plan = await planOf(await deliver('all.csv', () => true), MOMENTS)
    const [here, there] = [join(folder, 'here.parquet'), join(folder, 'there.parquet')]
    await using other = openDuckDb({ memoryLimit: '1GB' })
    await buildTrainingSet(other, plan, { snapshotDirectory: folder, target: here })
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan))
    writeFileSync(
      join(folder, 'build.ts'),
      `import { readFileSync } from 'node:fs'
       import { openDuckDb } from '${import.meta.dirname}/../ports/analytics/duckdb.ts'
       import { buildTrainingSet } from '${import.meta.dirname}/../point-in-time/point-in-time.ts'
       const plan = JSON.parse(readFileSync('${folder}/plan.json', 'utf8'))
       await using analytics = openDuckDb()
       await buildTrainingSet(analytics, plan, { snapshotDirectory: '${folder}', target: '${there}' })`,
    )
    execFileSync(process.execPath, [join(folder, 'build.ts')])
    expect(readFileSync(there).equals(readFileSync(here))).toBe(true)
    const again = join(folder, 'again.parquet')
    await buildTrainingSet(context.analytics, plan, { snapshotDirectory: folder, target: again })
    expect(readFileSync(again).equals(readFileSync(here))).toBe(true)
  }, 60_000)
})
