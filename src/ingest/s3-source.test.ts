import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { vegaFile } from '../../test/real-datasets.ts'
import { declareDatasets, listVersions } from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import { matches } from '../expectations/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { s3 } from '../sources/definition.ts'
import { S3StandIn } from '../sources/s3-stand-in.ts'
import { probeJob } from './jobs.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }

let store: S3StandIn
beforeEach(async () => {
  store = await S3StandIn.open()
  process.env['AWS_ACCESS_KEY_ID'] = 'key'
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret'
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  delete process.env['AWS_ACCESS_KEY_ID']
  delete process.env['AWS_SECRET_ACCESS_KEY']
})

describeDatabases('a dataset of a prefix that is larger than what is fetched at once', (open) => {
  it('takes all of it in one job, so much a version, past a bad object, and keeps what is not fetched again yet', async () => {
    const opened = await open()
    const context = { ...opened, config: { ...opened.config, sourcePrivateAddresses: true } }
    // The real stocks, cut into pieces of about 1 kB.
    const [header, ...lines] = readFileSync(vegaFile('stocks.csv'), 'utf8').trim().split('\n')
    const piece = (at: number): string[] => lines.slice(at * 50, (at + 1) * 50)
    const put = (at: number, rows: readonly string[]) =>
      store.objects.set(`feed/${String(at).padStart(2, '0')}.csv`, Buffer.from([header, ...rows].join('\n')))
    const pieces = Math.ceil(lines.length / 50)
    for (let at = 0; at < pieces; at++) put(at, piece(at))
    put(pieces, ['?,Jan 1 2000,1'])
    const source = s3({
      bucket: 'mill',
      prefix: 'feed/',
      endpoint: store.endpoint,
      forcePathStyle: true,
      maxBytesAtOnce: 2_500,
    })
    const definition = dataset('stocks', { source, expect: [matches('symbol', /^[A-Z]+$/)] })
    await declareDatasets(context, { ...CALLER, directory: '/nowhere', datasets: [definition] })
    const work = async (): Promise<number[]> => {
      await probeJob.run(context, {
        id: 'job',
        projectId: PROJECT_ID,
        kind: 'data.probe',
        payload: { dataset: 'stocks' },
        attempt: 1,
        lastAttempt: false,
        signal: new AbortController().signal,
      })
      const input = { projectId: PROJECT_ID, dataset: 'stocks', limit: 50, below: undefined }
      return (await listVersions(context, input)).map(({ rows }) => rows).reverse()
    }
    const first = await work()
    expect(first.length).toBeGreaterThan(3)
    expect(first).toEqual(first.toSorted((a, b) => a - b))
    expect(first.at(-1)).toBe(lines.length)
    expect(new Set(store.fetched).size).toBe(pieces + 1)
    // Those that came together with the bad one are fetched once more.
    expect(store.fetched.length).toBeLessThan(pieces + 5)
    // Every object changes: no version lacks the rows of one that is fetched later.
    for (let at = 0; at < pieces; at++) put(at, piece(at).toReversed())
    const second = (await work()).slice(first.length)
    expect(second.length).toBeGreaterThan(3)
    expect(new Set(second)).toEqual(new Set([lines.length]))
    expect(await work()).toHaveLength(first.length + second.length)
  })
})
