import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { dataset } from '../data/definition.ts'
import {
  entity,
  featureService,
  featureView,
  requestFeatures,
  resolveService,
} from '../features/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { makeTrainingSet } from '../steps/training-set-body.ts'
import { files } from '../sources/definition.ts'
import { applyProject, listProjectVersions } from './apply.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const flights = dataset('flights', {
  source: files('*.parquet'),
  time: 'date',
  knownAt: { delay: { column: 'landed' } },
})
const airport = entity('airport', { key: 'origin' })

describeDatabases('a project', (open) => {
  const apply = async (eventTime: string) => {
    const context = await open()
    const sql = `SELECT origin, ${eventTime} AS event_time, delay FROM dataset`
    const view = featureView('delays', {
      entity: airport,
      dataset: flights,
      sql,
      ttl: '1d',
      features: { delay: 'number' },
    })
    const definition = {
      name: 'flights',
      data: { datasets: [flights] },
      features: { entities: [airport], views: [view], onDemand: [], services: [] },
      registry: { models: [] },
      pipelines: { pipelines: [], steps: [] },
      serving: { deployments: [] },
      monitoring: { monitors: [] },
    }
    const base = { projectId: PROJECT_ID, actor: localOwner }
    const snapshot = { format: 1 as const, files: {} }
    const applied = applyProject(context, { ...base, definition, snapshot, directory: '/nowhere' })
    return { applied, versions: () => listProjectVersions(context, { ...base, limit: 10 }) }
  }

  it('is applied when its features wait until their values are known', async () => {
    const { applied, versions } = await apply('landed')
    expect(await applied).toMatchObject({ created: true })
    expect(await versions()).toHaveLength(1)
  })

  it('is refused, and changes nothing, when a feature uses a value before it is known', async () => {
    const { applied, versions } = await apply('date')
    await expect(applied).rejects.toThrow(
      'The feature view delays uses delay for delay before it is known: it is known at landed (knownAt of flights), and event_time may be before that',
    )
    expect(await versions()).toEqual([])
  })
})

describeDatabases('the step training_set', (open) => {
  it('refuses a feature of the request that is not known at the moment of prediction; a label may be', async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-leaks-'))
    folders.push(folder)
    const file = join(folder, 'flights.parquet')
    await context.analytics.execute(
      `COPY (SELECT TIMESTAMP '2001-01-01' AS date, TIMESTAMP '2001-01-02' AS landed, 20 AS delay, 7 AS distance) TO '${file}'`,
    )
    await context.analytics.execute(
      `COPY (SELECT date, delay AS carried, distance, landed, delay FROM '${file}') TO '${folder}/made.parquet'`,
    )
    await context.analytics.execute(`COPY (SELECT 3 AS rain, 1 AS delay) TO '${folder}/weather.parquet'`)
    const table = (name: string) => ({ scan: `read_parquet('${join(folder, name)}.parquet')` }) as never
    interface Made {
      datasets: Record<string, string>
      knownInTime: string[]
    }
    const make = (name: string, made?: Made) => {
      const service = featureService('s', [requestFeatures({ [name]: 'number' })])
      const spec = resolveService(service, { entities: [], views: [], onDemand: [], services: [service] }, [])
      const knownAt = { type: 'column', column: 'landed' } as const
      const known = [{ dataset: 'flights', time: 'date', columns: [{ column: 'delay', knownAt }] }]
      return makeTrainingSet(
        {
          data: table(made ? 'made' : 'flights'),
          dataset_0: table('flights'),
          dataset_1: table('weather'),
          params: { spec, time: 'date', label: 'delay > 15', sources: {}, known, ...(made && { made }) },
          output: { table: join(folder, 'set.parquet') },
          log: () => undefined,
        },
        { analytics: context.analytics, codeFolder: folder },
      )
    }
    expect(await make('distance')).toMatchObject({ facts: { rows: 1, label: 'label' } })
    await expect(make('delay')).rejects.toThrow(
      'uses delay for delay before it is known: it is known at landed (knownAt of data of flights)',
    )
    const of = { datasets: { flights: 'dataset_0' }, knownInTime: [] }
    await expect(make('delay', of)).rejects.toThrow(
      'uses delay for delay before it is known: it is known at landed (knownAt of data of flights, by the names of columns)',
    )
    // A step may have given a late column another name: what no dataset has needs somebody's word.
    expect(await make('distance', of)).toMatchObject({ facts: { rows: 1 } })
    await expect(make('carried', of)).rejects.toThrow(
      "takes carried from a table that a step made of flights, where columns are known late (knownAt) and none has this name: whether it is known in time cannot be seen. If it is, say so: trainingSet({ …, knownInTime: ['carried'] })",
    )
    expect(await make('carried', { ...of, knownInTime: ['carried'] })).toMatchObject({ facts: { rows: 1 } })
    await expect(make('carried', { ...of, knownInTime: ['carier'] })).rejects.toThrow(
      'knownInTime names carier; the table has date, carried',
    )
    // Of several datasets a name does not tell whose moment is meant.
    const both = { ...of, datasets: { flights: 'dataset_0', weather: 'dataset_1' } }
    expect(await make('distance', both)).toMatchObject({ facts: { rows: 1 } })
    await expect(make('delay', both)).rejects.toThrow(
      'takes delay, which flights knows late (knownAt), from a table that a step made of flights and weather',
    )
  })
})
