import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { declareDatasets } from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import { ingest } from '../ingest/ingest.ts'
import { localOwner } from '../kernel/actor.ts'
import { files } from '../sources/definition.ts'
import { createServerApp } from './server.ts'

interface Overview {
  stations: { data: { state: string; word: string; number: string; detail: string; href: string } }
  needsYou: { sentence: string; href: string }[]
}

it('A delivery that was refused needs somebody, also where the dataset has no version yet, until a good one comes', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const directory = mkdtempSync(join(tmpdir(), 'tidemill-refused-'))
  const caller = { projectId: PROJECT_ID, actor: localOwner }
  const look = () => ingest(context, { ...caller, dataset: 'stocks' })
  const overview = async () => (await (await app.request('/api/v1/overview')).json()) as Overview
  const stocks = dataset('stocks', { source: files('*.csv'), time: 'date' })
  await declareDatasets(context, { ...caller, directory, datasets: [stocks] })
  expect((await overview()).stations.data.detail).toBe('stocks was not read yet: tidemill data ingest stocks')

  writeFileSync(join(directory, 'a.csv'), 'symbol,date,price\nMSFT,Jan 1 2000,39.81\n')
  const refused = await look()
  if (refused.state !== 'rejected') throw new Error(refused.state)
  const sentence =
    'stocks: a.csv: the time column date is VARCHAR, it must be a timestamp or a date, such as 2001-02-01 or 2001-02-01T06:00; nothing was ingested'
  expect(await overview()).toMatchObject({
    stations: { data: { state: 'bad', word: 'refused', number: 'stocks', detail: sentence } },
    needsYou: [{ sentence, href: `/reports/${refused.report.id}` }],
  })

  writeFileSync(join(directory, 'a.csv'), 'symbol,date,price\nMSFT,2000-01-01,39.81\n')
  expect(await look()).toMatchObject({ state: 'created' })
  expect(await overview()).toMatchObject({ stations: { data: { word: 'stocks v1' } }, needsYou: [] })
  rmSync(directory, { recursive: true })
})
