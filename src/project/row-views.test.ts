import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { ingest } from '../ingest/ingest.ts'
import { getService } from '../features/features.ts'
import { materialize } from '../materialization/materialize.ts'
import { onlineReader, viewFeatures } from '../vectors/vectors.ts'
import { localOwner } from '../kernel/actor.ts'
import { applyProject } from './apply.ts'
import { loadProject } from './load.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const CONFIG = `
  import { dataset, entity, featureService, featureView, files, project } from 'tidemill'
  const sales = dataset('sales', { source: files('data/*.csv'), time: 'sold', knownAt: { price: { after: '1h' } } })
  const shop = entity('shop', { key: 'shop' })
  const doubled = featureView('doubled', {
    entity: shop, dataset: sales, ttl: '1d', features: { twice: 'number' },
    row: { module: new URL('./features/double.ts', import.meta.url).href, export: 'double', inputs: { price: 'number' } },
  })
  const recent = featureView('recent', {
    entity: shop, dataset: sales, windows: ['3h'], aggregate: { price: { sum: 'price' }, sales: { count: '*' } },
  })
  export default project('shops', {
    datasets: [sales], entities: [shop], views: [doubled, recent], services: [featureService('all', [doubled, recent])],
  })`
const DOUBLE = `import { factor } from './factor.ts'
  export const double = ({ price }: { price: number }) => ({ twice: factor * price })`
const START_MS = Date.UTC(2001, 0, 1)

describeDatabases('a project with views by windows and by a row function', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-row-views-'))
    folders.push(folder)
    mkdirSync(join(folder, 'features'))
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'tidemill.config.ts'), CONFIG)
    writeFileSync(join(folder, 'features/double.ts'), DOUBLE)
    writeFileSync(
      join(folder, 'data/1.csv'),
      'shop,sold,price\na,2001-01-01T00:00:00Z,3\na,2001-01-01T01:00:00Z,4\n',
    )
    const base = { projectId: PROJECT_ID, actor: localOwner }
    return {
      context,
      base,
      apply: async (factor: number) => {
        writeFileSync(join(folder, 'features/factor.ts'), `export const factor = ${factor}\n`)
        const { definition, snapshot } = await loadProject(folder)
        await applyProject(context, { ...base, definition, snapshot, directory: folder })
        return { definition, spec: await getService(context, { projectId: PROJECT_ID, name: 'all' }) }
      },
    }
  }

  it('computes online values from the code of its version, and anew when the code changes', async () => {
    const { context, base, apply } = await arrange()
    const first = await apply(2)
    const { module, code } = first.definition.features.views[0]!.row!
    expect({ module, code: Object.keys(code) }).toEqual({
      module: 'features/double.ts',
      code: ['features/double.ts', 'features/factor.ts'],
    })
    await ingest(context, { ...base, dataset: 'sales' })
    const second = await apply(10)
    const online = async ({ spec }: typeof first, hours: number): Promise<unknown[]> => {
      const untilMs = START_MS + hours * 3_600_000
      for (const { view, definitionHash } of spec.views) {
        await materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs })
      }
      const read = onlineReader(context.online, PROJECT_ID, viewFeatures(spec))
      return (await read({ shop: ['a'] }, 1, untilMs)).map(({ values }) => values[0])
    }
    expect(await online(first, 1.5)).toEqual([6, 3, 1])
    expect(await online(second, 1.5)).toEqual([30, 3, 1])
    expect(await online(first, 2)).toEqual([8, 7, 2])
    expect(await online(second, 4.5)).toEqual([40, 4, 1])
    expect(await online(second, 5.5)).toEqual([40, null, null])
  }, 60_000)
})
