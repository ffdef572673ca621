import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { vegaFile } from '../../test/real-datasets.ts'
import {
  compareVersions,
  declareDatasets,
  deleteOutdatedVersions,
  loadManifest,
  loadSummaryState,
  listVersions,
  resolveReadable,
  versionScan,
} from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import type { DatasetVersion } from '../data/schema.ts'
import { diffVersions } from '../exploring/diff.ts'
import { diffKeys } from '../exploring/diff-keys.ts'
import { reachFolder } from '../exploring/reach.ts'
import { localOwner } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import { pushRows } from '../pushes/pushes.ts'
import { eraseRows } from '../redaction/erase-rows.ts'
import { push } from '../sources/definition.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import { summariseParts, presentSummary } from '../summaries/summaries.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { ingest } from './ingest.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const DAYS = 5

/** Means of a sum of parts differ in their last digits from that of all at once. */
function rounded(summary: DatasetSummary): DatasetSummary {
  return JSON.parse(JSON.stringify(summary), (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(9)) : value,
  ) as DatasetSummary
}

/** The real weather of Seattle, some days a version. */
describeDatabases('parts of versions to which rows were pushed', (open) => {
  const declare = (context: TestContext, keep?: { versions: number }) =>
    declareDatasets(context, {
      ...CALLER,
      directory: '/nowhere',
      datasets: [dataset('weather', { source: push(), time: 'date', ...(keep && { keep }) })],
    })
  const add = async (context: TestContext, version: number): Promise<DatasetVersion> => {
    const rows = await context.analytics.query(
      `SELECT CAST(date AS VARCHAR) AS date, weather, temp_max, row_number() OVER (ORDER BY date) AS id FROM '${vegaFile('seattle-weather.csv')}' ORDER BY date LIMIT ${DAYS} OFFSET ${(version - 1) * DAYS}`,
    )
    await pushRows(context, { ...CALLER, dataset: 'weather', key: `${version}`, rows: rows as JsonObject[] })
    const result = await ingest(context, { ...CALLER, dataset: 'weather' })
    if (result.state !== 'created') throw new Error(JSON.stringify(result))
    return result.version
  }
  const at = (context: TestContext, number: number) =>
    resolveReadable(context, { projectId: PROJECT_ID, reference: `weather@${number}` })
  const rowsOf = async (context: TestContext, version: DatasetVersion) =>
    await context.analytics.query(await versionScan(context, version))
  const summaryOf = async (context: TestContext, version: DatasetVersion) =>
    rounded(presentSummary(await loadSummaryState(context, version)))
  const summaryAnew = async (context: TestContext, version: DatasetVersion) => {
    const { parts, schema } = await loadManifest(context, version)
    const all = parts.map((part) => ({ ...part, columns: schema }))
    return rounded(presentSummary(await summariseParts(context, all)))
  }

  it('are merged in a later version; rows, earlier versions and comparisons are as if they had not been', async () => {
    const context = await open()
    await declare(context)
    for (let version = 1; version <= 16; version++) await add(context, version)
    const before = await at(context, 16)
    const rowsBefore = await rowsOf(context, before)
    const manifestBefore = await context.artifacts.bytes(before.manifestSha256)
    const after = await add(context, 17)
    expect([before.parts, after.parts]).toEqual([16, 2])
    expect(after).toMatchObject({ rows: 17 * DAYS, addedRows: DAYS, parentId: before.id })
    expect((await rowsOf(context, after)).slice(0, 16 * DAYS)).toEqual(rowsBefore)
    expect(await rowsOf(context, await at(context, 16))).toEqual(rowsBefore)
    expect(await context.artifacts.bytes(before.manifestSha256)).toEqual(manifestBefore)
    expect(await summaryOf(context, after)).toEqual(await summaryAnew(context, after))
    const newest = await add(context, 18)
    expect(newest).toMatchObject({ parts: 3, rows: 18 * DAYS, addedRows: DAYS })
    expect((await loadManifest(context, newest)).merged).toBeUndefined()

    for (const number of [16, 14, 1]) {
      const { added, onlyAdded } = await compareVersions(context, await at(context, number), newest)
      expect(onlyAdded, `from ${number}`).toBe(true)
      expect(added.map(({ rows }) => rows)).toEqual(Array.from({ length: 18 - number }, () => DAYS))
      const paths = await Promise.all(added.map(({ sha256 }) => context.artifacts.localPath(sha256)))
      const [counted] = await context.analytics.query(
        `SELECT min(id) AS first, max(id) AS last FROM ${parquetScan(paths)}`,
      )
      expect(counted).toEqual({ first: number * DAYS + 1, last: 18 * DAYS })
    }
    const input = { projectId: PROJECT_ID, dataset: 'weather' }
    const rows = 4 * DAYS
    expect((await diffVersions(context, { ...input, from: 14, to: 18 })).parts).toEqual({
      kept: 14,
      added: 4,
      removed: 0,
      addedRows: rows,
      removedRows: 0,
    })
    expect((await diffVersions(context, { ...input, from: 18, to: 14 })).parts).toMatchObject({
      added: 0,
      removed: 4,
      removedRows: rows,
    })
    const reach = reachFolder(context, PROJECT_ID)
    const keys = await diffKeys(reach, await at(context, 14), newest, ['id'])
    expect(keys).toMatchObject({ added: rows, removed: 0, changed: 0 })
  }, 120_000)

  it('give up the rows of a person in every version, and are there when retention has taken what they were made of', async () => {
    const context = await open()
    await declare(context)
    for (let version = 1; version <= 18; version++) await add(context, version)
    const person = { column: 'id', values: ['7', '86'] }
    await eraseRows(context, { projectId: PROJECT_ID, erasureId: 'erasure', dryRun: false, ...person })
    const versions = await listVersions(context, {
      projectId: PROJECT_ID,
      dataset: 'weather',
      limit: 20,
      below: undefined,
    })
    for (const version of versions) {
      const { number } = version
      const isPersons = (each: number): boolean => each === 2 || each === 18
      expect(version, `version ${number}`).toMatchObject({
        rows: number * DAYS - [2, 18].filter((each) => each <= number).length,
        addedRows: isPersons(number) ? DAYS - 1 : DAYS,
      })
      const ids = (await rowsOf(context, version)).map(({ id }) => id)
      expect(ids).toHaveLength(version.rows)
      expect(ids.includes(7) || ids.includes(86)).toBe(false)
    }
    const newest = versions[0]!
    expect(await summaryOf(context, newest)).toEqual(await summaryAnew(context, newest))
    const { added, onlyAdded } = await compareVersions(context, await at(context, 14), newest)
    expect([added.length, onlyAdded]).toEqual([4, true])

    const rows = await rowsOf(context, newest)
    await declare(context, { versions: 1 })
    const listUses = async () => []
    expect(await deleteOutdatedVersions(context, { ...CALLER, listUses })).toHaveLength(17)
    const parts = await context.db.read.selectFrom('dataset_part').select('rows').execute()
    expect(parts.map((part) => part.rows).sort((a, b) => a - b)).toEqual([DAYS - 1, DAYS, 16 * DAYS - 1])
    expect(await rowsOf(context, await at(context, 18))).toEqual(rows)
    const next = await add(context, 19)
    expect(next).toMatchObject({ rows: 19 * DAYS - 2, addedRows: DAYS, parts: 4 })
    expect(await compareVersions(context, newest, next)).toMatchObject({ onlyAdded: true })
  }, 120_000)
})
