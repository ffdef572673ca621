import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { openGateway } from '../../test/gateways.ts'
import { declareDatasets } from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import { entity, featureView } from '../features/definition.ts'
import { declareFeatures } from '../features/features.ts'
import { viewsWithKey } from '../materialization/materialization.ts'
import { appendEvent, consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import { consumers } from '../rollout/consumers.ts'
import { files } from '../sources/definition.ts'
import { requestErasure } from './erasure.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
const traveller = entity('traveller', { key: 'email' })
const trips = featureView('trips', {
  entity: traveller,
  dataset: 'trips',
  sql: 'SELECT email, event_time, distance FROM dataset',
  ttl: '365d',
  features: { distance: 'number' },
})

async function follow(context: TestContext): Promise<void> {
  const consumer = consumers.find(({ name }) => name === 'rollout.features')!
  while ((await consume(context, consumer)) > 0);
}

describeDatabases('a gateway after an erasure', (open) => {
  it('takes pushed rows of others, and none of who was erased', async () => {
    const context = await open()
    await declareDatasets(context, {
      ...owner,
      directory: '/nowhere',
      datasets: [dataset('trips', { source: files('*.csv') })],
    })
    const definitions = { entities: [traveller], views: [trips], onDemand: [], services: [] }
    await declareFeatures(context, { ...owner, definitions })
    const payload = { versionId: 'v' }
    await context.db.write((trx) =>
      appendEvent(trx, { projectId: PROJECT_ID, kind: 'project.applied', payload, atMs: 0 }),
    )
    await follow(context)
    await using gateway = await openGateway(context)
    const generation = gateway.gateway.engine.generation
    const push = async (email: string) => {
      const event_time = new Date(context.clock.now() - 1000).toISOString()
      const response = await fetch(`${gateway.url}/push`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          push_source_name: 'trips',
          df: { email: [email], event_time: [event_time], distance: [5] },
          to: 'online',
        }),
      })
      expect(response.status).toBe(200)
      const found = await viewsWithKey(context, {
        projectId: PROJECT_ID,
        entity: 'traveller',
        values: [email],
      })
      return found.length
    }
    expect(await push('before@example.org')).toBe(1)
    await requestErasure(context, { ...owner, entity: 'traveller', key: 'ada@example.org', dryRun: false })
    await follow(context)
    await gateway.serves(generation + 1)
    expect(await push('ada@example.org')).toBe(0)
    expect(await push('grace@example.org')).toBe(1)
  })
})
