import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { dataset } from '../data/definition.ts'
import { declareDatasets } from '../data/data.ts'
import { anomaly, between } from '../expectations/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { checkHistory } from '../reports/history.ts'
import { files } from '../sources/definition.ts'
import { ingest } from './ingest.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
type Options = Parameters<typeof dataset>[1]
const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

async function arrange(context: TestContext, options: Partial<Options> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-recovered-'))
  folders.push(folder)
  const declare = (more: Partial<Options>): Promise<void> =>
    declareDatasets(context, {
      ...owner,
      directory: folder,
      datasets: [dataset('visits', { source: files('*.csv'), ...options, ...more })],
    })
  await declare({})
  const look = async () => (await ingest(context, { ...owner, dataset: 'visits' })).state
  return {
    declare,
    look,
    /** A file appears, and is looked at. */
    arrive: async (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return await look()
    },
    /** What a check said so far, oldest first. */
    said: async (key: string) => {
      const series = await checkHistory(context, { projectId: PROJECT_ID, dataset: 'visits', reports: 100 })
      return series.find((each) => each.key === key)?.points.map(({ passed }) => passed)
    },
  }
}

describeDatabases('checks that are told when they fail', (open) => {
  it('a file that can be read after one that could not ends the failure in its history, once', async () => {
    const { arrive, said } = await arrange(await open())
    expect(await arrive('a.csv', 'id,delay\n1,5\n')).toBe('created')
    expect(await said('readable')).toBeUndefined()
    expect(await arrive('b.csv', 'id,delay\n2,5\n"3,6\n4')).toBe('rejected')
    expect(await said('readable')).toEqual([false])
    expect(await arrive('c.csv', 'id,delay\n5,7,"\n')).toBe('rejected')
    expect(await said('readable')).toEqual([false, false])
    expect(await arrive('d.csv', 'id,delay\n6,7\n')).toBe('created')
    expect(await said('readable')).toEqual([false, false, true])
    expect(await arrive('e.csv', 'id,delay\n7,7\n')).toBe('created')
    expect(await said('readable')).toEqual([false, false, true])
  })

  it('a delivery that can be read and is refused for its rows ends it too', async () => {
    const { arrive, said } = await arrange(await open(), { expect: [between('delay', 0, 1000)] })
    expect(await arrive('a.csv', 'id,delay\n1,5\n')).toBe('created')
    expect(await arrive('b.csv', 'id,delay\n"2,5\n')).toBe('rejected')
    expect(await arrive('c.csv', 'id,delay\n3,-5\n')).toBe('rejected')
    expect(await said('readable')).toEqual([false, true])
  })

  it('a column that the dataset has said what to do with is warned of no more', async () => {
    const { arrive, said, declare } = await arrange(await open())
    const mail = (id: number) =>
      `id,mail\n${Array.from({ length: 30 }, (_, i) => `${id + i},ann${id + i}@example.org`).join('\n')}\n`
    expect(await arrive('a.csv', mail(0))).toBe('created')
    expect(await said('personal:mail')).toEqual([false])
    await declare({ personal: { mail: 'keep' } })
    expect(await arrive('b.csv', mail(100))).toBe('created')
    expect(await said('personal:mail')).toEqual([false, true])
  })

  it('what was overdue is so no more when it has arrived, and is told anew the next time', async () => {
    const context = await open()
    const { arrive, look, said } = await arrange(context, {
      expect: [anomaly({ of: 'freshness', minHistory: 7, severity: 'warn' })],
    })
    let day = 0
    const next = (days: number) => context.clock.set(TEST_TIME_MS + (day += days) * DAY_MS)
    for (let file = 0; file < 20; file++) {
      next(1)
      expect(await arrive(`${file}.csv`, `id\n${file}\n`)).toBe('created')
    }
    const key = 'anomaly:freshness:overdue'
    next(6)
    expect(await look()).toBe('unchanged')
    expect(await look()).toBe('unchanged')
    expect(await said(key)).toEqual([false])
    expect(await arrive('late.csv', 'id\n1000\n')).toBe('created')
    expect(await said(key)).toEqual([false, true])
    next(30)
    expect(await look()).toBe('unchanged')
    expect(await look()).toBe('unchanged')
    expect(await said(key)).toEqual([false, true, false])
  })
})
