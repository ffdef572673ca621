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
    const make = (name: string, byName?: true) => {
      const service = featureService('s', [requestFeatures({ [name]: 'number' })])
      const spec = resolveService(service, { entities: [], views: [], onDemand: [], services: [service] }, [])
      const knownAt = { type: 'column', column: 'landed' } as const
      const known = {
        dataset: 'flights',
        time: 'date',
        columns: [{ column: 'delay', knownAt }],
        ...(byName && { byName }),
      }
      return makeTrainingSet(
        {
          data: { scan: `read_parquet('${file}')` } as never,
          params: { spec, time: 'date', label: 'delay > 15', sources: {}, known },
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
    await expect(make('delay', true)).rejects.toThrow(
      'uses delay for delay before it is known: it is known at landed (knownAt of data of flights, by the names of columns)',
    )
  })
})
