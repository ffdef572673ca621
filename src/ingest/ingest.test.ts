import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import {
  compareVersions,
  declareDatasets,
  getVersion,
  listVersions,
  versionScan,
  versionSummary,
} from '../data/data.ts'
import { failingRows } from '../reports/reports.ts'
import { ingest } from './ingest.ts'
import {
  between,
  type Expectation,
  inSet,
  notNull,
  references,
  rowCountChange,
  sameDistribution,
  sqlCheck,
  unique,
} from '../expectations/definition.ts'
import { dataset } from '../data/definition.ts'
import { files } from '../sources/definition.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const HEADER = 'date,delay,origin\n'
const DAY_1 = `${HEADER}2001-01-01 10:00:00,5,ATL\n2001-01-01 11:00:00,-3,LAX\n`
const DAY_2 = `${HEADER}2001-01-02 10:00:00,7,ATL\n`

interface Arrangement {
  context: TestContext
  folder: string
  write: (name: string, text: string) => void
  remove: (name: string) => void
  look: () => ReturnType<typeof ingest>
}

describeDatabases('datasets', (open) => {
  const arrange = async (expectations: Expectation[] = []): Promise<Arrangement> => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-data-'))
    folders.push(folder)
    await declare(context, folder, expectations)
    return {
      context,
      folder,
      write: (name, text) => writeFileSync(join(folder, name), text),
      remove: (name) => rmSync(join(folder, name)),
      look: () => ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'flights' }),
    }
  }
  const declare = (context: TestContext, directory: string, expectations: Expectation[]): Promise<void> =>
    declareDatasets(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      directory,
      datasets: [dataset('flights', { source: files('*.csv'), time: 'date', expect: expectations })],
    })
  const rowsOf = async (context: TestContext, id: string): Promise<Record<string, unknown>[]> => {
    const version = await getVersion(context, { projectId: PROJECT_ID, id })
    return await context.analytics.query(
      `SELECT * FROM (${await versionScan(context, version)}) ORDER BY date`,
    )
  }
  const created = async (look: Promise<Awaited<ReturnType<typeof ingest>>>) => {
    const result = await look
    if (result.state !== 'created') throw new Error(`expected a version, got ${JSON.stringify(result)}`)
    return result
  }
  const rejected = async (look: Promise<Awaited<ReturnType<typeof ingest>>>) => {
    const result = await look
    if (result.state !== 'rejected') throw new Error(`expected a rejection, got ${result.state}`)
    return result
  }

  it('turns new files into versions and keeps the old versions readable', async () => {
    const { context, write, look } = await arrange()
    expect(await look()).toEqual({ state: 'unchanged', version: undefined, more: false })
    write('1.csv', DAY_1)
    const first = await created(look())
    expect(first.version).toMatchObject({ number: 1, rows: 2, addedRows: 2, parts: 1 })
    expect(first.version.schema).toEqual([
      { name: 'date', type: 'TIMESTAMP' },
      { name: 'delay', type: 'BIGINT' },
      { name: 'origin', type: 'VARCHAR' },
    ])
    expect(await look()).toMatchObject({ state: 'unchanged', version: { number: 1 } })
    write('2.csv', DAY_2)
    const second = await created(look())
    expect(second.version).toMatchObject({
      number: 2,
      rows: 3,
      addedRows: 1,
      minTimeMs: Date.UTC(2001, 0, 1, 10),
    })
    expect(await rowsOf(context, first.version.id)).toHaveLength(2)
    expect(await rowsOf(context, second.version.id)).toHaveLength(3)
    expect(await compareVersions(context, first.version, second.version)).toMatchObject({
      onlyAdded: true,
      added: [{ rows: 1 }],
    })
    const events = await context.db.read
      .selectFrom('event')
      .select(['kind', 'payload_json'])
      .where('kind', '=', 'dataset.version_created')
      .execute()
    expect(events).toHaveLength(2)
    expect(JSON.parse(events[1]!.payload_json)).toMatchObject({ name: 'flights', number: 2, addedRows: 1 })
  })

  it('makes no version when files are renamed or touched, and reads nothing twice', async () => {
    const { folder, context, write, look } = await arrange()
    write('1.csv', DAY_1)
    const { version } = await created(look())
    renameSync(join(folder, '1.csv'), join(folder, 'renamed.csv'))
    expect(await look()).toMatchObject({ state: 'unchanged', version: { id: version.id } })
    utimesSync(join(folder, 'renamed.csv'), new Date(), new Date())
    expect(await look()).toMatchObject({ state: 'unchanged', version: { id: version.id } })
    expect(await context.db.read.selectFrom('dataset_part').selectAll().execute()).toHaveLength(1)
  })

  it('takes a changed or removed file out of the next version', async () => {
    const { context, write, remove, look } = await arrange()
    write('1.csv', DAY_1)
    write('2.csv', DAY_2)
    const both = await created(look())
    write('2.csv', `${HEADER}2001-01-02 12:00:00,9,BOS\n`)
    const changed = await created(look())
    expect((await rowsOf(context, changed.version.id)).map((row) => row['origin'])).toEqual([
      'ATL',
      'LAX',
      'BOS',
    ])
    write('2.csv', DAY_2)
    const back = await created(look())
    expect(back.version.number).toBe(3)
    expect(back.version.contentHash).toBe(both.version.contentHash)
    remove('1.csv')
    expect((await created(look())).version).toMatchObject({ rows: 1, addedRows: 0 })
    remove('2.csv')
    await expect(look()).rejects.toThrow('no file matches *.csv any more; version 4 is kept')
  })

  it('refuses a file with bad rows, names them, and still takes later good files', async () => {
    const { context, write, look } = await arrange([notNull('origin'), between('delay', -120, 2000)])
    write('1.csv', DAY_1)
    await created(look())
    write('2.csv', `${HEADER}2001-01-02 10:00:00,7,\n2001-01-02 11:00:00,9,ATL\n2001-01-02 12:00:00,9999,\n`)
    write('3.csv', `${HEADER}2001-01-03 10:00:00,1,ATL\n`)
    const { report } = await rejected(look())
    expect(report.sentence).toBe(
      'flights: 2 of 3 rows in 2.csv have no origin (rows 1, 3) (and 1 more check failed); nothing was ingested',
    )
    expect(await failingRows(context, report)).toEqual([
      {
        file: '2.csv',
        row: 1,
        checks: ['origin is known'],
        values: { date: '2001-01-02 10:00:00', delay: '7', origin: null },
      },
      {
        file: '2.csv',
        row: 3,
        checks: ['origin is known', 'delay between -120 and 2000'],
        values: { date: '2001-01-02 12:00:00', delay: '9999', origin: null },
      },
    ])
    const decision = await context.db.read.selectFrom('decision').selectAll().executeTakeFirstOrThrow()
    expect(decision).toMatchObject({
      kind: 'validation',
      verdict: 'rejected',
      sentence: report.sentence,
      subject_id: 'flights',
    })
    const next = await created(look())
    expect(next.version).toMatchObject({ number: 2, rows: 3 })
    expect(await look()).toMatchObject({ state: 'unchanged' })
  })

  it('keeps the last good content of a file that is replaced by a bad one', async () => {
    const { context, write, look } = await arrange([notNull('origin')])
    write('1.csv', DAY_1)
    await created(look())
    write('1.csv', `${HEADER}2001-01-01 10:00:00,5,\n`)
    await rejected(look())
    expect(await look()).toMatchObject({ state: 'unchanged', version: { number: 1 } })
    write('2.csv', DAY_2)
    const { version } = await created(look())
    expect((await rowsOf(context, version.id)).map((row) => row['delay'])).toEqual([5, -3, 7])
    write('1.csv', DAY_2)
    expect((await created(look())).version).toMatchObject({ rows: 2, parts: 2 })
    const [first] = await listVersions(context, { projectId: PROJECT_ID, dataset: 'flights', limit: 1 })
    expect((await versionSummary(context, first!)).rows).toBe(2)
  })

  it('reads a quarantined file again when the expectations change', async () => {
    const { context, folder, write, look } = await arrange([notNull('origin')])
    write('1.csv', `${HEADER}2001-01-01 10:00:00,5,\n2001-01-01 10:00:00,5,ATL\n`)
    await rejected(look())
    expect(await look()).toMatchObject({ state: 'unchanged' })
    await declare(context, folder, [notNull('origin', { maxShare: 0.5 })])
    expect((await created(look())).version).toMatchObject({ rows: 2 })
  })

  it('ingests a file with warnings and says so', async () => {
    const { write, look } = await arrange([inSet('origin', ['ATL'], { severity: 'warn' })])
    write('1.csv', DAY_1)
    const { report } = await created(look())
    expect(report.verdict).toBe('warned')
    expect(report.sentence).toBe(
      'flights: 1 of 2 rows in 1.csv have another origin than ATL (row 2); 2 rows in 1 file were ingested',
    )
  })

  it('finds keys that repeat within a file, across arriving files and against the rows it has', async () => {
    const { write, look } = await arrange([unique(['date', 'origin'])])
    write('1.csv', DAY_1)
    await created(look())
    write('2.csv', `${HEADER}2001-01-02 10:00:00,7,ATL\n2001-01-02 10:00:00,8,ATL\n`)
    expect((await rejected(look())).report.results.find((result) => !result.passed)).toMatchObject({
      failingRows: [2],
    })
    write('3.csv', `${HEADER}2001-01-01 11:00:00,-3,LAX\n2001-01-05 11:00:00,-3,LAX\n`)
    expect((await rejected(look())).report.sentence).toContain(
      "1 of 2 rows in 3.csv repeat another row's date, origin (row 1)",
    )
  })

  it('reports the rows that custom SQL returns', async () => {
    const { write, look } = await arrange([
      sqlCheck('early and far', 'SELECT file_row_number FROM dataset WHERE delay < 0'),
    ])
    write('1.csv', DAY_1)
    expect((await rejected(look())).report.sentence).toBe(
      'flights: 1 of 2 rows in 1.csv fail early and far (row 2); nothing was ingested',
    )
  })

  it('looks values up in the latest version of another dataset, and again when it has a new one', async () => {
    const { context, folder, write, look } = await arrange()
    const airports = () => ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'airports' })
    await declareDatasets(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      directory: folder,
      datasets: [
        dataset('airports', { source: files('airports.json') }),
        dataset('flights', {
          source: files('*.csv'),
          time: 'date',
          expect: [references('origin', { dataset: 'airports', columns: 'iata' })],
        }),
      ],
    })
    write('1.csv', DAY_1)
    await expect(look()).rejects.toThrow('must be found in airports, which has no version yet')
    write('airports.json', '[{"iata": "ATL"}]')
    await created(airports())
    const { report } = await rejected(look())
    expect(report.sentence).toContain(
      '1 of 2 rows in 1.csv have a value of origin that is not in airports.iata (row 2)',
    )
    expect(report.results.find(({ check }) => check === 'references')).toMatchObject({
      against: 'airports@1',
    })
    expect(await look()).toMatchObject({ state: 'unchanged' })
    write('airports.json', '[{"iata": "ATL"}, {"iata": "LAX"}]')
    await created(airports())
    expect((await created(look())).version).toMatchObject({ number: 1, rows: 2 })
  })

  it('sets aside all that arrives when the version as a whole would be wrong', async () => {
    const { context, write, remove, look } = await arrange([
      rowCountChange({ min: 0.9, max: 2 }, { on: 'version' }),
      sameDistribution('origin', { max: 0.6, severity: 'warn' }),
    ])
    write('1.csv', DAY_1)
    await created(look())
    write('2.csv', DAY_2)
    write('3.csv', DAY_2.replace('7', '8'))
    expect((await created(look())).report).toMatchObject({ verdict: 'passed' })
    write('4.csv', `${DAY_1}${DAY_1.slice(HEADER.length)}2001-01-03 10:00:00,7,ATL\n`)
    const { report } = await rejected(look())
    expect(report.sentence).toBe(
      'flights: expected row count beside the version before between 0.9 and 2, found 2.25; nothing was ingested',
    )
    expect(report.files.map(({ quarantined }) => quarantined)).toEqual([true])
    write('5.csv', `${HEADER}2001-01-03 10:00:00,7,BOS\n`)
    const { report: warned } = await created(look())
    expect(warned.results.find(({ check }) => check === 'sameDistribution')).toMatchObject({
      passed: false,
      file: null,
      against: 'flights@2',
      observed: 1,
    })
    remove('1.csv')
    await expect(look()).rejects.toThrow('without the files that are gone')
    expect(await listVersions(context, { projectId: PROJECT_ID, dataset: 'flights', limit: 9 })).toHaveLength(
      3,
    )
  })

  it('names file, line or row of what cannot be read, and ingests nothing of it', async () => {
    const { context, write, look } = await arrange()
    write('1.csv', DAY_1)
    await created(look())
    write('bad.csv', `${HEADER}2001-01-02 10:00:00,7\n2001-01-02 11:00:00,7,ATL\n`)
    expect((await rejected(look())).report.sentence).toContain("bad.csv: 1 of 2 rows can't be read (line 2: ")
    write('typed.csv', `${HEADER}2001-01-02 10:00:00,late,ATL\n2001-01-02 11:00:00,7,ATL\n`)
    const { report } = await rejected(look())
    expect(report.sentence).toBe(
      'flights: typed.csv: 1 of 2 rows have a value of the wrong type (row 1: delay is "late", no BIGINT); nothing was ingested',
    )
    expect(await failingRows(context, report)).toMatchObject([
      { file: 'typed.csv', row: 1, values: { delay: 'late' } },
    ])
    write('short.csv', 'date,delay\n2001-01-02 10:00:00,7\n')
    expect((await rejected(look())).report.sentence).toContain('short.csv: the column origin is missing')
    write('empty.csv', '')
    expect((await rejected(look())).report.sentence).toContain('empty.csv: it is empty')
    expect(await look()).toMatchObject({ state: 'unchanged', version: { number: 1, rows: 2 } })
  })

  it('refuses a Parquet file that is cut off', async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-data-'))
    folders.push(folder)
    const definition = dataset('numbers', { source: files('*.parquet') })
    const base = { projectId: PROJECT_ID, actor: localOwner }
    await declareDatasets(context, { ...base, directory: folder, datasets: [definition] })
    await context.analytics.execute(`COPY (FROM range(1000)) TO '${folder}/whole.parquet' (FORMAT parquet)`)
    const bytes = readFileSync(join(folder, 'whole.parquet'))
    writeFileSync(join(folder, 'cut.parquet'), bytes.subarray(0, bytes.length / 2))
    const look = () => ingest(context, { ...base, dataset: 'numbers' })
    expect((await rejected(look())).report.sentence).toMatch(
      /^numbers: cut.parquet: it can't be read: .*; nothing was ingested$/,
    )
    expect((await created(look())).version).toMatchObject({ rows: 1000, minTimeMs: null })
  })

  it('ignores dot files and files that are still being written', async () => {
    const { write, look } = await arrange()
    for (const name of ['.hidden.csv', '1.csv.tmp', '2.csv.part', '3.csv~']) write(name, DAY_1)
    expect(await look()).toEqual({ state: 'unchanged', version: undefined, more: false })
  })

  it('widens a column and tells whether a schema change breaks readers', async () => {
    const { context, write, remove, look } = await arrange()
    write('1.csv', DAY_1)
    await created(look())
    write('2.csv', 'date,delay,origin,carrier\n2001-01-02 10:00:00,7.5,ATL,DL\n')
    const wider = await created(look())
    expect(wider.version.schemaChange).toEqual({
      kind: 'compatible',
      changes: ['delay: BIGINT → DOUBLE', 'carrier is new (VARCHAR)'],
    })
    expect((await rowsOf(context, wider.version.id)).map((row) => [row['delay'], row['carrier']])).toEqual([
      [5, null],
      [-3, null],
      [7.5, 'DL'],
    ])
    remove('1.csv')
    remove('2.csv')
    write('3.csv', 'date,origin\n2001-01-02 10:00:00,ATL\n')
    expect((await created(look())).version.schemaChange?.kind).toBe('breaking')
  })

  it('gives the same parts and the same content hash for the same files anywhere', async () => {
    const a = await arrange()
    const b = await arrange()
    a.write('1.csv', DAY_1)
    a.write('2.csv', DAY_2)
    b.write('2.csv', DAY_2)
    await created(b.look())
    b.write('1.csv', DAY_1)
    expect((await created(a.look())).version.contentHash).toBe((await created(b.look())).version.contentHash)
  })

  it('lets one of two simultaneous ingests win and the other see its version', async () => {
    const { context, write, look } = await arrange()
    write('1.csv', DAY_1)
    const states = (await Promise.all([look(), look()])).map(({ state }) => state).sort()
    expect(states).toEqual(['created', 'unchanged'])
    const versions = await listVersions(context, { projectId: PROJECT_ID, dataset: 'flights', limit: 10 })
    expect(versions).toHaveLength(1)
  })

  it('summarises the same whether files arrive together or one by one', async () => {
    const summaryOf = async (texts: string[], together: boolean) => {
      const { context, folder, write, look } = await arrange()
      for (const [index, text] of texts.entries()) {
        write(`${index}.csv`, text)
        if (!together) await look()
      }
      await look()
      const [version] = await listVersions(context, { projectId: PROJECT_ID, dataset: 'flights', limit: 1 })
      expect(readdirSync(folder)).toHaveLength(texts.length)
      return await versionSummary(context, version!)
    }
    const texts = [DAY_1, DAY_2, `${HEADER}2001-01-03 10:00:00,,BOS\n2001-01-03 11:00:00,100,ATL\n`]
    const together = await summaryOf(texts, true)
    expect(await summaryOf(texts, false)).toEqual(together)
    expect(together.rows).toBe(5)
    const [date, delay, origin] = together.columns
    expect(date).toMatchObject({ kind: 'timestamp', distinct: 5, min: Date.UTC(2001, 0, 1, 10) })
    expect(delay).toMatchObject({
      nulls: 1,
      min: -3,
      max: 100,
      mean: 27.25,
      distinct: 4,
      distinctExact: true,
    })
    expect(origin!.top).toEqual([
      { value: 'ATL', count: 3 },
      { value: 'BOS', count: 1 },
      { value: 'LAX', count: 1 },
    ])
  })
})
