import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { flights, penguins, RealDatasets } from '../../test/real-datasets.ts'
import { files } from '../sources/definition.ts'
import { sha256 } from '../kernel/json.ts'
import { dataset } from '../data/definition.ts'
import { diffKeys } from './diff-keys.ts'
import { diffVersions } from './diff.ts'
import { exportVersion, openExport } from './export.ts'
import { peekRows } from './peek.ts'
import { queryDatasets } from './query.ts'
import { reachFolder } from './reach.ts'
import { sampleRows } from './sample.ts'
import { exportFormats } from './schema.ts'

const weather = dataset('weather', { source: files('weather.csv'), time: 'date' })

/** Two days of flights, then a third; penguins; and weather of which one day is corrected, one goes and one comes. */
async function arrange(context: TestContext, real: RealDatasets) {
  await real.declare(flights, penguins, weather)
  await real.writeFlights('flights-1.parquet', `date < '2001-01-03'`, 5)
  const first = await real.ingest('flights')
  await real.writeFlights('flights-2.parquet', `date >= '2001-01-03' AND date < '2001-01-04'`, 5)
  const second = await real.ingest('flights')
  return { first, second, reach: reachFolder(context, PROJECT_ID) }
}

/** Data of vega-datasets: flights-3m.parquet, penguins.json, seattle-weather.csv. */
describeDatabases('rows of versions', (open) => {
  it('tells how two versions differ without reading a row', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { first, second } = await arrange(context, real)
    const difference = await diffVersions(context, {
      projectId: PROJECT_ID,
      dataset: 'flights',
      from: 1,
      to: 2,
    })
    expect(difference).toMatchObject({
      same: false,
      schemaChange: null,
      from: { rows: first.rows },
      to: { rows: second.rows },
      parts: { kept: 1, added: 1, removed: 0, addedRows: second.addedRows, removedRows: 0 },
    })
    const delay = difference.columns.find(({ name }) => name === 'delay')!
    // What the summaries say is what the rows say: within 1 % of the values, which the buckets round to.
    const [exact] = await context.analytics.query(
      `SELECT avg(delay) FILTER (WHERE date < '2001-01-03') AS before, avg(delay) AS after
       FROM read_parquet('${real.folder}/flights-*.parquet')`,
    )
    expect(delay.from.mean).toBeCloseTo(exact!['before'] as number, 6)
    expect(delay.to.mean).toBeCloseTo(exact!['after'] as number, 6)
    expect(delay.distances!.wasserstein!).toBeGreaterThanOrEqual(
      Math.abs((exact!['after'] as number) - (exact!['before'] as number)) * 0.97,
    )
    expect(delay.distances!.jensenShannon).toBeGreaterThan(0)
    const itself = await diffVersions(context, { projectId: PROJECT_ID, dataset: 'flights', from: 2, to: 2 })
    expect(itself).toMatchObject({ same: true, parts: { added: 0, removed: 0 } })
    for (const { distances } of itself.columns) {
      if (distances) expect(distances).toMatchObject({ psi: 0, jensenShannon: 0 })
    }
  })

  it('tells which keys came, went and changed, and in which columns', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare(weather)
    real.copy('seattle-weather.csv', 'weather.csv')
    const before = await real.ingest('weather')
    const path = join(real.folder, 'weather.csv')
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    lines[1] = lines[1]!.replace(/[^,]+$/, 'fog')
    lines[2] = lines[2]!.replace(/^([^,]+),[^,]+/, '$1,99.5')
    lines.splice(5, 1)
    lines.push('2016-01-01,0,3,1,2,sun')
    writeFileSync(path, `${lines.join('\n')}\n`)
    const after = await real.ingest('weather')
    const reach = reachFolder(context, PROJECT_ID)
    const found = await diffKeys(reach, before, after, ['date'])
    expect(found).toMatchObject({ added: 1, removed: 1, changed: 2, repeated: 0 })
    expect(found.columns).toEqual([
      { name: 'precipitation', changed: 1 },
      { name: 'weather', changed: 1 },
    ])
    expect(found.examples.map(({ change }) => change).sort()).toEqual([
      'added',
      'changed',
      'changed',
      'removed',
    ])
    expect(await diffKeys(reach, after, after, ['date'])).toMatchObject({ added: 0, removed: 0, changed: 0 })
    await expect(diffKeys(reach, before, after, ['day'])).rejects.toThrow('weather@1 has no column day')
  })

  it('a key that a new part repeats has changed, not come', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { first, second, reach } = await arrange(context, real)
    const found = await diffKeys(reach, first, second, ['origin'])
    const [exact] = await context.analytics.query(
      `WITH old AS (SELECT DISTINCT origin FROM read_parquet('${real.folder}/flights-1.parquet')),
            new AS (SELECT DISTINCT origin FROM read_parquet('${real.folder}/flights-2.parquet'))
       SELECT count(*) FILTER (WHERE origin IN (FROM old)) AS changed, count(*) FILTER (WHERE origin NOT IN (FROM old)) AS added FROM new`,
    )
    expect(found).toMatchObject({ removed: 0, changed: exact!['changed'], added: exact!['added'] })
    expect(found.repeated).toBeGreaterThan(0)
  })

  it('samples uniformly, and the same rows for the same seed', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { second, reach } = await arrange(context, real)
    const [one, again, other] = [
      await sampleRows(reach, second, { rows: 500, seed: 1 }),
      await sampleRows(reach, second, { rows: 500, seed: 1 }),
      await sampleRows(reach, second, { rows: 500, seed: 2 }),
    ]
    expect(one.rows).toHaveLength(500)
    expect(again).toEqual(one)
    expect(other.rows).not.toEqual(one.rows)
    const times = one.rows.map((row) => String(row['date']))
    expect(times).toEqual(times.toSorted())
    // A third of the rows are of the third day: 500 draws lie within four standard deviations of their share.
    const share = second.addedRows / second.rows
    const drawn = times.filter((time) => time >= '2001-01-03').length
    expect(Math.abs(drawn - 500 * share)).toBeLessThan(4 * Math.sqrt(500 * share * (1 - share)))
    expect((await sampleRows(reach, second, { rows: 100_000, seed: 1 })).rows).toHaveLength(second.rows)
  })

  it('shows some rows as text, personal ones masked, the same for the same seed', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { second } = await arrange(context, real)
    const definition = { ...flights, personal: { origin: 'keep' as const } }
    const peek = (seed: number) => peekRows(context, { definition }, second, { limit: 50, seed })
    const rows = await peek(1)
    expect(rows).toHaveLength(50)
    expect(await peek(1)).toEqual(rows)
    expect(await peek(2)).not.toEqual(rows)
    const shown = rows.map(({ date, delay, destination }) => `('${date}', ${delay}, '${destination}')`)
    const [found] = await context.analytics.query(
      `SELECT count(DISTINCT (date, delay, destination)) AS n, (SELECT count(*) FROM (SELECT DISTINCT * FROM (VALUES ${shown.join(', ')}) v)) AS asked
       FROM read_parquet('${real.folder}/flights-*.parquet')
       WHERE (date, delay, destination) IN (SELECT (a::TIMESTAMP, b::BIGINT, c) FROM (VALUES ${shown.join(', ')}) v(a, b, c))`,
    )
    expect(found!['n']).toBe(found!['asked'])
    expect(rows.every(({ origin }) => !/^[A-Z]{3}$/.test(origin!))).toBe(true)
  })

  it('answers SQL over datasets and versions, and reads and writes nothing else', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { first, second, reach } = await arrange(context, real)
    real.copy('penguins.json')
    await real.ingest('penguins')
    const query = (sql: string, limit = 1000) => queryDatasets(reach, { sql, limit })
    const counted = await query(
      `SELECT (SELECT count(*) FROM flights@1) AS a, (SELECT count(*) FROM "flights@2") AS b, count(*) AS c, 'flights@9' AS text -- flights@8
       FROM flights`,
    )
    expect(counted.rows).toEqual([{ a: first.rows, b: second.rows, c: second.rows, text: 'flights@9' }])
    expect(
      (await query('SELECT Species, count(*) AS n FROM penguins GROUP BY ALL ORDER BY n DESC', 1)).rows,
    ).toHaveLength(1)
    expect(await query('SELECT * FROM flights', 10)).toMatchObject({ more: true, rows: { length: 10 } })
    await expect(query('SELECT * FROM flights@9')).rejects.toMatchObject({ code: 'not_found' })
    const blob = await context.artifacts.localPath(first.manifestSha256)
    const bytes = readFileSync(blob)
    for (const sql of [
      `COPY (SELECT 1) TO '${blob}'`,
      `SELECT 1; COPY (SELECT * FROM flights) TO '${blob}'`,
      'CREATE TABLE t AS SELECT * FROM flights',
      `SELECT * FROM read_text('${join(real.folder, 'flights-1.parquet')}')`,
      `SELECT * FROM read_csv('/etc/passwd')`,
      `SELECT * FROM glob('${real.folder}/*')`,
      'SET enable_external_access = true',
      `ATTACH '${join(real.folder, 'x.db')}' AS x`,
      'INSTALL httpfs',
      'SELECT nonsense FROM flights',
    ])
      await expect(query(sql), sql).rejects.toMatchObject({ code: 'invalid' })
    expect(readFileSync(blob)).toEqual(bytes)
  })

  it('exports whole files, equal bytes for equal versions, and never half of one', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    const { second, reach } = await arrange(context, real)
    for (const format of exportFormats) {
      const path = join(real.folder, `out.${format}`)
      await exportVersion(reach, second, { format, path, force: false })
      const once = sha256(readFileSync(path))
      await expect(exportVersion(reach, second, { format, path, force: false })).rejects.toMatchObject({
        code: 'already_exists',
      })
      await exportVersion(reach, second, { format, path, force: true })
      expect(sha256(readFileSync(path))).toBe(once)
      expect(sha256(await buffer(await openExport(reach, second, format)))).toBe(once)
      // What is in Arrow is in arrow-bytes.test.ts.
      if (format === 'arrow' || format === 'arrows') continue
      const reader = { parquet: 'read_parquet', csv: 'read_csv', ndjson: 'read_json' }[format]
      const [read] = await context.analytics.query(
        `SELECT count(*) AS n, sum(delay)::BIGINT AS delay, count(DISTINCT origin) AS origins FROM ${reader}('${path}')`,
      )
      const [exact] = await context.analytics.query(
        `SELECT count(*) AS n, sum(delay)::BIGINT AS delay, count(DISTINCT origin) AS origins FROM read_parquet('${real.folder}/flights-*.parquet')`,
      )
      expect(read).toEqual(exact)
    }
    const nowhere = join(real.folder, 'none', 'out.csv')
    await expect(
      exportVersion(reach, second, { format: 'csv', path: nowhere, force: false }),
    ).rejects.toThrow()
  })
})

/** Prints what a process that has nothing makes of the same files: the hashes of manifests and of an export. */
const REBUILD = `
import { openTestContext, PROJECT_ID } from './test/databases.ts'
import { flights, RealDatasets } from './test/real-datasets.ts'
import { exportVersion } from './src/exploring/export.ts'
import { reachFolder } from './src/exploring/reach.ts'
import { sha256 } from './src/kernel/json.ts'
import { readFileSync } from 'node:fs'
const context = await openTestContext()
const real = new RealDatasets(context)
await real.declare(flights)
const hashes = []
for (const day of [1, 2]) {
  await real.writeFlights('flights-' + day + '.parquet', "date >= '2001-01-0" + day + "' AND date < '2001-01-0" + (day + 1) + "'", 5)
  const version = await real.ingest('flights')
  const path = real.folder + '/out-' + day + '.parquet'
  await exportVersion(reachFolder(context, PROJECT_ID), version, { format: 'parquet', path, force: false })
  hashes.push(version.manifestSha256, version.contentHash, version.summarySha256, sha256(readFileSync(path)))
}
process.stdout.write(JSON.stringify(hashes))
real[Symbol.dispose]()
await context[Symbol.asyncDispose]()
`

it('makes the same bytes of the same files in every process', async () => {
  const root = join(import.meta.dirname, '../..')
  const rebuild = async (): Promise<string[]> => {
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', REBUILD]
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: root })
    return JSON.parse(stdout) as string[]
  }
  const [one, two] = await Promise.all([rebuild(), rebuild()])
  expect(one).toHaveLength(8)
  expect(new Set(one).size).toBe(8)
  expect(two).toEqual(one)
})
