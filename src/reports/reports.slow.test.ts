import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { anomaly, between, notNull, rowCount } from '../expectations/definition.ts'
import { localOwner } from '../kernel/actor.ts'
import { files } from '../sources/definition.ts'
import { checkHistory } from './history.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { DAY_MS } from '../kernel/time-spans.ts'

const FLIGHTS = join(import.meta.dirname, '../../node_modules/vega-datasets/data/flights-3m.parquet')
const FIRST_MS = Date.UTC(2001, 0, 1)
const DAYS = 34

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

describeDatabases('checks over time', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-checks-'))
    folders.push(folder)
    await declareDatasets(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      directory: folder,
      datasets: [
        dataset('flights', {
          source: files('*.parquet'),
          time: 'date',
          expect: [
            notNull('origin', { maxShare: 0.5 }),
            between('delay', -1440, 2880),
            rowCount({ min: 100 }),
            anomaly({ of: 'rowCount' }),
            anomaly({ of: 'nulls' }),
            anomaly({ of: 'freshness', severity: 'error' }),
            anomaly({ of: 'distribution', columns: ['distance', 'origin'] }),
            anomaly({ of: 'mean', columns: ['distance'] }),
          ],
        }),
      ],
    })
    /** A tenth of the real flights of a day of January or February 2001, changed by SQL, arrives some hours after midnight. */
    const arrive = async (
      day: number,
      { columns = '*', where = 'true', hours = 2 }: { columns?: string; where?: string; hours?: number } = {},
    ) => {
      const [from, until] = [FIRST_MS + day * DAY_MS, FIRST_MS + (day + 1) * DAY_MS]
      await context.analytics.execute(
        `COPY (SELECT ${columns} FROM (SELECT * EXCLUDE (file_row_number), file_row_number AS n FROM read_parquet('${FLIGHTS}', file_row_number = true)
           WHERE epoch_ms(date) >= ${from} AND epoch_ms(date) < ${until}) WHERE n % 10 = 0 AND ${where})
         TO '${folder}/${String(day).padStart(3, '0')}.parquet' (FORMAT parquet)`,
      )
      context.clock.set(until + hours * 3_600_000)
      return await ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'flights' })
    }
    const failures = (result: Awaited<ReturnType<typeof ingest>>) =>
      'report' in result ? result.report.results.filter(({ passed }) => !passed) : []
    return { context, arrive, failures }
  }

  it(
    'learn real days of flights with their weekends, and see a halved day, missing values, another mix and a late file',
    { timeout: 120_000 },
    async () => {
      const { context, arrive, failures } = await arrange()
      const columns = '* EXCLUDE (n)'
      const alarms: string[] = []
      for (let day = 0; day < DAYS; day++) {
        const result = await arrive(day, { columns })
        expect(result.state).toBe('created')
        alarms.push(...failures(result).map(({ key }) => `${day} ${key}`))
      }
      // The storm of Saturday, 20 January: the fewest flights of the month.
      expect(alarms).toEqual(['19 anomaly:rowCount'])

      const halved = failures(await arrive(DAYS, { columns, where: 'n % 20 = 0' }))
      expect(halved.map(({ key }) => key)).toEqual(['anomaly:rowCount'])
      expect(halved[0]!.message).toBe('the row count is 815, usually it is between 1,472 and 1,781')

      const nulls =
        '* EXCLUDE (n) REPLACE (CASE WHEN n % 100 = 0 THEN NULL ELSE destination END AS destination)'
      const missing = failures(await arrive(DAYS + 1, { columns: nulls }))
      expect(missing).toMatchObject([
        { key: 'anomaly:nulls:destination', severity: 'warn', observed: expect.closeTo(0.1, 1) },
      ])

      const mixed = failures(
        await arrive(DAYS + 2, { columns: '* EXCLUDE (n) REPLACE (distance * 2 AS distance)' }),
      )
      expect(mixed.map(({ key }) => key).sort()).toEqual([
        'anomaly:distribution:distance',
        'anomaly:mean:distance',
      ])

      const late = await arrive(DAYS + 3, { columns, hours: 9 })
      expect(late).toMatchObject({ state: 'rejected' })
      expect(failures(late)).toMatchObject([{ key: 'anomaly:freshness', expected: { min: null } }])

      const look = () => ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'flights' })
      const reports = () =>
        context.db.read.selectFrom('validation_report').selectAll().orderBy('id', 'desc').execute()
      const before = (await reports()).length
      context.clock.set(FIRST_MS + (DAYS + 4) * DAY_MS + 20 * 3_600_000)
      await look()
      expect(await reports()).toHaveLength(before)
      context.clock.set(FIRST_MS + (DAYS + 6) * DAY_MS + 9 * 3_600_000)
      await Promise.all([look(), look()])
      await look()
      const [overdue, ...others] = await reports()
      expect(others).toHaveLength(before)
      expect(overdue).toMatchObject({ verdict: 'failed', rows: 0 })
      expect(overdue!.sentence).toMatch(
        /^flights: nothing has arrived for 48 hours, usually it is at most 3\d(\.\d)? hours$/,
      )

      const series = await checkHistory(context, { projectId: PROJECT_ID, dataset: 'flights', reports: 500 })
      const rows = series.find(({ key }) => key === 'anomaly:rowCount')!
      expect(rows.points).toHaveLength(DAYS + 4)
      expect(rows.points[0]).toMatchObject({ version: 1, passed: true, expected: null })
      expect(rows.points.at(-1)).toMatchObject({ version: null, files: 1 })
      expect(rows.points.filter(({ passed }) => !passed)).toHaveLength(2)
      const [one] = await checkHistory(context, {
        projectId: PROJECT_ID,
        dataset: 'flights',
        reports: 5,
        key: 'rowCount',
      })
      expect(one!.points.map(({ observed }) => observed!.min).slice(0, 1)).toEqual([one!.points[0]!.rows])
      expect(one!.points).toHaveLength(5)
    },
  )

  it('keep what several files of one delivery said together, and go on with their history when a bound changes', async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-checks-'))
    folders.push(folder)
    const declare = (min: number) =>
      declareDatasets(context, {
        projectId: PROJECT_ID,
        actor: localOwner,
        directory: folder,
        datasets: [
          dataset('days', {
            source: files('*.csv'),
            expect: [rowCount({ min }), notNull('b', { severity: 'warn' })],
          }),
        ],
      })
    const look = () => ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'days' })
    const write = async (name: string, rows: number) =>
      await context.analytics.execute(
        `COPY (SELECT range AS a, CASE WHEN range > 0 THEN '${name}' END AS b FROM range(${rows})) TO '${folder}/${name}.csv' (FORMAT csv)`,
      )
    await declare(1)
    await write('x', 3)
    await write('y', 5)
    expect(await look()).toMatchObject({ state: 'created' })
    await declare(4)
    await write('z', 2)
    expect(await look()).toMatchObject({ state: 'rejected' })
    const series = await checkHistory(context, { projectId: PROJECT_ID, dataset: 'days', reports: 10 })
    expect(series.map(({ key, title }) => [key, title])).toEqual([
      ['notNull:b', 'b is known'],
      ['rowCount', 'row count at least 4'],
    ])
    expect(series[0]!.points).toMatchObject([
      { version: 1, passed: false, files: 2, rows: 8, failing: 2 },
      { version: null, passed: false, files: 1, rows: 2, failing: 1 },
    ])
    expect(series[1]!.points).toMatchObject([
      { passed: true, observed: { min: 3, max: 5 }, expected: { min: 1, max: null } },
      { passed: false, observed: { min: 2, max: 2 }, expected: { min: 4, max: null } },
    ])
  })
})
