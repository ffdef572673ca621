import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { entity, featureService, featureView, onDemand, requestFeatures } from '../features/definition.ts'
import { declareFeatures, getService } from '../features/features.ts'
import { listFreshness } from '../materialization/materialization.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { snapshotBytes } from '../project/snapshot.ts'
import { deleteAlias, registerVersion, setAlias } from '../registry/registry.ts'
import { withdrawVersion } from '../rollout/rollout.ts'
import { getEntry, listCatalogue, retireUnusedViews } from './catalogue.ts'
import { routes } from './routes.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

const airport = entity('airport', {
  key: 'origin',
  owner: 'ops',
  description: 'A US airport by its IATA code',
})
const delays = featureView('airport_delays', {
  entity: airport,
  dataset: 'flights',
  sql: 'SELECT origin, date AS event_time, delay AS delay_1h, delay AS delay_3h FROM dataset',
  ttl: '6h',
  features: {
    delay_1h: { kind: 'number', description: 'Mean delay of the last hour, in minutes' },
    delay_3h: 'number',
  },
  owner: 'team:delays',
  description: 'How late the flights of an airport were',
  tags: ['punctuality', 'hourly'],
})
const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp' },
  outputs: { hour: { kind: 'number', description: 'Hour of the day, local' } },
  module: 'flight-time.ts',
  export: 'flightTime',
})
const late = featureService(
  'late_features',
  [
    flightTime,
    'airport_delays:delay_1h',
    requestFeatures({ seats: { kind: 'number', description: 'As sold' } }),
  ],
  { owner: 'ops', tags: ['late'] },
)
const definitions = { entities: [airport], views: [delays], onDemand: [flightTime], services: [late] }

async function arrange(context: TestContext): Promise<void> {
  await declareFeatures(context, { ...caller, definitions })
  const spec = await getService(context, { projectId: PROJECT_ID, name: 'late_features' })
  const featureService = { name: spec.name, spec: { ...spec } }
  for (const createModel of [true, false])
    await registerVersion(context, { ...caller, model: 'late', source: 'test', createModel, featureService })
  await setAlias(context, { ...caller, model: 'late', alias: 'champion', version: 2, source: 'manual' })
}

async function names(
  context: TestContext,
  query: Omit<Parameters<typeof listCatalogue>[1], 'projectId' | 'actor'>,
) {
  return (await listCatalogue(context, { ...caller, ...query })).map(({ name, match }) => `${name}: ${match}`)
}

describeDatabases('the catalogue of features', (open) => {
  it('finds what is declared by name, feature, tag, owner, description, column and code, the best first', async () => {
    const context = await open()
    await arrange(context)
    expect(await names(context, { text: 'airport' })).toEqual([
      'airport: null',
      'airport_delays: null',
      'late_features: entity airport',
    ])
    expect(await names(context, { text: 'delay_1h' })).toEqual([
      'airport_delays: feature delay_1h',
      'late_features: feature delay_1h',
    ])
    expect(await names(context, { text: 'PUNCTUALITY' })).toEqual(['airport_delays: tag punctuality'])
    expect(await names(context, { text: 'last hour' })).toEqual([
      'airport_delays: description of delay_1h',
      'late_features: description of delay_1h',
    ])
    expect(await names(context, { text: 'iata' })).toEqual(['airport: description'])
    expect(await names(context, { text: 'date' })).toEqual([
      'flight_time: column date',
      'airport_delays: code',
    ])
    expect(await names(context, { text: 'airport nowhere' })).toEqual([])
    expect(await names(context, { owner: 'ops', kind: 'service' })).toEqual(['late_features: null'])
    expect(await names(context, { tag: 'hourly' })).toEqual(['airport_delays: null'])
  })

  it('tells which versions use a feature, and which features nobody uses', async () => {
    const context = await open()
    await arrange(context)
    const view = await getEntry(context, { ...caller, name: 'airport_delays' })
    expect(view.usedBy).toEqual({
      services: ['late_features'],
      models: ['late'],
      versions: 2,
      deployments: [],
    })
    expect(view.unusedFeatures).toEqual(['delay_3h'])
    expect(view.users.map(({ version, aliases, features }) => ({ version, aliases, features }))).toEqual([
      { version: 2, aliases: ['champion'], features: ['delay_1h'] },
      { version: 1, aliases: [], features: ['delay_1h'] },
    ])
    expect(await names(context, { unused: true })).toEqual(['airport_delays: null'])
    for (const version of [1, 2]) await withdrawVersion(context, { ...caller, model: 'late', version })
    expect((await getEntry(context, { ...caller, name: 'airport' })).usedBy.versions).toBe(0)
    expect((await names(context, { unused: true })).length).toBe(4)
  })

  it('shows the code of a function as the project declares it', async () => {
    const context = await open()
    const text = 'export const flightTime = ({ date }) => ({ hour: new Date(date).getUTCHours() })\n'
    const files = { 'flight-time.ts': { base64: Buffer.from(text).toString('base64'), executable: false } }
    const { sha256 } = await context.artifacts.put(snapshotBytes({ format: 1, files }))
    await declareFeatures(context, { ...caller, definitions, snapshot: sha256 })
    expect((await getEntry(context, { ...caller, name: 'flight_time' })).source).toBe(text)
    expect((await getEntry(context, { ...caller, name: 'airport_delays' })).source).toBeNull()
  })

  it('changes no definition when what people say of it changes', async () => {
    const context = await open()
    await arrange(context)
    const before = await getService(context, { projectId: PROJECT_ID, name: 'late_features' })
    const views = [{ ...delays, owner: 'ops', tags: ['other'], descriptions: { delay_3h: 'x' } }]
    await declareFeatures(context, { ...caller, definitions: { ...definitions, views } })
    expect(await getService(context, { projectId: PROJECT_ID, name: 'late_features' })).toEqual(before)
    const { owner, tags, features } = await getEntry(context, { ...caller, name: 'airport_delays' })
    expect({ owner, tags, said: features.map(({ description }) => description) }).toEqual({
      owner: 'ops',
      tags: ['other'],
      said: [null, 'x'],
    })
  })

  it('retires an earlier definition of a view when no live version uses it', async () => {
    const context = await open()
    await arrange(context)
    const views = [{ ...delays, sql: delays.sql!.replace('delay AS delay_3h', '2 * delay AS delay_3h') }]
    await declareFeatures(context, { ...caller, definitions: { ...definitions, views } })
    const kept = async (): Promise<boolean[]> => {
      await retireUnusedViews(context)
      return (await listFreshness(context, caller))
        .map(({ current }) => current)
        .sort((a, b) => Number(a) - Number(b))
    }
    expect(await kept()).toEqual([false, true])
    context.clock.advance(8 * 86_400_000)
    // The champion uses it still.
    expect(await kept()).toEqual([false, true])
    await deleteAlias(context, { ...caller, model: 'late', alias: 'champion' })
    expect(await kept()).toEqual([true])
    expect(await kept()).toEqual([true])
    const audited = await context.db.read
      .selectFrom('audit')
      .select('detail_json')
      .where('action', '=', 'features.retire')
      .execute()
    expect(audited).toHaveLength(1)
  })

  it('answers over HTTP, and refuses what it does not know', async () => {
    const context = await open()
    await arrange(context)
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const ask = async (path: string) => {
      const response = await app.request(`/api/v1/features/catalogue${path}`)
      return {
        status: response.status,
        body: (await response.json()) as { items?: unknown[]; name?: string },
      }
    }
    expect((await ask('?q=delay')).body.items?.length).toBe(2)
    expect((await ask('/flight_time')).body.name).toBe('flight_time')
    expect((await ask('/nothing')).status).toBe(404)
    expect((await ask('?kind=table')).status).toBe(400)
  })
})
