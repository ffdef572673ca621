import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { notNull } from '../expectations/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { files } from '../sources/definition.ts'
import { listChanges } from './changes.ts'
import { declareDatasets } from '../data/data.ts'
import { enqueueDueProbes } from './probe.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const HEADER = 'date,delay,origin\n'

describeDatabases('changes of a source', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-changes-'))
    folders.push(folder)
    const definition = dataset('flights', {
      source: files('*.csv'),
      time: 'date',
      expect: [notNull('origin')],
      probeEvery: '500ms',
    })
    await declareDatasets(context, { ...CALLER, directory: folder, datasets: [definition] })
    return {
      context,
      write: (name: string, text: string) => writeFileSync(join(folder, name), text),
      remove: (name: string) => rmSync(join(folder, name)),
      look: () => ingest(context, { ...CALLER, dataset: 'flights' }),
      changes: (page: { limit?: number; before?: string } = {}) =>
        listChanges(context, { projectId: PROJECT_ID, dataset: 'flights', limit: 10, ...page }),
    }
  }

  it('tells what came, went and was replaced, how the schema changed, and which version it made', async () => {
    const { context, write, remove, look, changes } = await arrange()
    write('1.csv', `${HEADER}2001-01-01,5,ATL\n`)
    write('2.csv', `${HEADER}2001-01-02,5,ATL\n`)
    await look()
    remove('1.csv')
    write('2.csv', `${HEADER}2001-01-02,6,ATL\n`)
    write('3.csv', 'date,delay,origin,carrier\n2001-01-03,7.5,ATL,DL\n')
    await look()
    expect(await look()).toMatchObject({ state: 'unchanged' })
    const [second, first] = await changes()
    expect(first).toMatchObject({
      kind: 'changed',
      actor: 'owner',
      added: { count: 2, names: ['1.csv', '2.csv'] },
      removed: { count: 0 },
      schemaChange: null,
      version: 1,
      rows: 2,
    })
    expect(second).toMatchObject({
      added: { count: 1, names: ['3.csv'] },
      changed: { count: 1, names: ['2.csv'] },
      removed: { count: 1, names: ['1.csv'] },
      schemaChange: { kind: 'compatible', changes: ['delay: BIGINT → DOUBLE', 'carrier is new (VARCHAR)'] },
      version: 2,
    })
    expect(await changes({ before: second!.id })).toEqual([first])
    const events = await context.db.read
      .selectFrom('event')
      .select('payload_json')
      .where('kind', '=', 'source.changed')
      .orderBy('seq')
      .execute()
    expect(events.map(({ payload_json }) => JSON.parse(payload_json) as unknown)).toMatchObject([
      { name: 'flights', added: 2, schemaChange: null, versionId: expect.any(String) },
      { changeId: second!.id, added: 1, changed: 1, removed: 1, schemaChange: 'compatible' },
    ])
  })

  it('tells of a change that was refused, with its report, and classes a lost column as breaking', async () => {
    const { write, look, changes } = await arrange()
    write('1.csv', `${HEADER}2001-01-01,5,ATL\n`)
    await look()
    write('2.csv', `${HEADER}2001-01-02,5,\n`)
    const values = await look()
    write('3.csv', 'date,origin\n2001-01-02,ATL\n')
    await look()
    const [breaking, refused] = await changes()
    expect(refused).toMatchObject({ version: null, schemaChange: null, added: { names: ['2.csv'] } })
    expect(refused!.reportId).toBe(values.state === 'rejected' && values.report.id)
    expect(refused!.sentence).toContain('1 of 1 rows in 2.csv have no origin')
    expect(breaking).toMatchObject({
      version: null,
      schemaChange: { kind: 'breaking', changes: ['delay is gone'] },
    })
  })

  it('counts late rows of new files, and none of a file that replaces one', async () => {
    const { write, look, changes } = await arrange()
    write('1.csv', `${HEADER}2001-01-05,5,ATL\n`)
    await look()
    write('2.csv', `${HEADER}2001-01-04,5,ATL\n2001-01-05,5,ATL\n2001-01-06,5,ATL\n2001-01-03,1,LAX\n`)
    expect(await look()).toMatchObject({ state: 'created', version: { number: 2, lateRows: 2 } })
    write('1.csv', `${HEADER}2001-01-01,5,ATL\n`)
    expect(await look()).toMatchObject({ state: 'created', version: { number: 3, lateRows: 0 } })
    expect((await changes()).map(({ lateRows }) => lateRows)).toEqual([0, 2, 0])
  })

  it('keeps the last version when the source fails, says so once, and waits longer each time', async () => {
    const { context, write, remove, look, changes } = await arrange()
    write('1.csv', `${HEADER}2001-01-01,5,ATL\n`)
    await look()
    expect(await enqueueDueProbes(context)).toBe(1)
    remove('1.csv')
    for (let time = 0; time < 3; time++)
      await expect(look()).rejects.toThrow('flights: no file matches *.csv any more; version 1 is kept')
    const [failed, ...others] = await changes()
    expect(failed).toMatchObject({
      kind: 'failed',
      times: 3,
      version: null,
      sentence: 'flights: no file matches *.csv any more; version 1 is kept',
    })
    expect(others).toHaveLength(1)
    const source = context.db.read.selectFrom('dataset_source').selectAll()
    const state = await source.executeTakeFirstOrThrow()
    expect(state.failures).toBe(3)
    const waitMs = state.retry_at_ms! - (await context.db.wallTime())
    expect(waitMs).toBeGreaterThan(2_000)
    expect(waitMs).toBeLessThanOrEqual(4_000)
    expect(await enqueueDueProbes(context)).toBe(0)
    write('1.csv', `${HEADER}2001-01-01,5,ATL\n`)
    expect(await look()).toMatchObject({ state: 'unchanged', version: { number: 1 } })
    expect(await source.executeTakeFirstOrThrow()).toMatchObject({
      failures: 0,
      error: null,
      retry_at_ms: null,
    })
  })
})
