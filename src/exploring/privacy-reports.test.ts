import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { datasetRoutes, RealDatasets } from '../../test/real-datasets.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { files } from '../sources/definition.ts'
import { dataset } from '../data/definition.ts'

describeDatabases('privacy reports on a version', (open) => {
  it('answer for the penguins, mask what is personal, and refuse what is not there', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    real.copy('penguins.json')
    await real.declare(dataset('penguins', { source: files('*.json'), personal: { Island: 'keep' } }))
    await real.ingest('penguins')
    const app = createApp({
      context,
      routes: datasetRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const get = async (path: string): Promise<{ status: number; body: Record<string, unknown> }> => {
      const response = await app.request(`/api/v1/datasets/penguins/versions/1/${path}`)
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    const anonymity = await get('k-anonymity?columns=Species,Island&sensitive=Sex&k=60')
    expect(anonymity.status).toBe(200)
    expect(anonymity.body).toMatchObject({
      rows: 344,
      groups: 5,
      k: 44,
      l: 2,
      smallGroups: 3,
      rowsBelow: 152,
    })
    expect(anonymity.body['smallest']).toContainEqual({ values: ['Adelie', 'B***'], rows: 44, distinct: 2 })
    const balance = await get('balance?by=Species&label=Sex&positive=FEMALE')
    expect(balance.body).toMatchObject({ rows: 344, positive: 'FEMALE' })
    for (const wrong of [
      'k-anonymity?columns=Age',
      'k-anonymity?columns=',
      'k-anonymity?columns=Sex&k=1',
      'balance?by=Age',
      'balance?by=Sex&label=Species',
    ]) {
      expect([wrong, (await get(wrong)).status]).toEqual([wrong, 400])
    }
  })
})
