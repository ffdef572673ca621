import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import {
  compareVersions,
  declareDatasets,
  findLatestVersion,
  listVersions,
  loadManifest,
  loadSummaryState,
  versionScan,
} from '../data/data.ts'
import { dataset } from '../data/definition.ts'
import type { DatasetVersion } from '../data/schema.ts'
import { localOwner } from '../kernel/actor.ts'
import { push } from '../sources/definition.ts'
import { presentSummary } from '../summaries/summaries.ts'
import { ingest } from './ingest.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const KILLS = 12
/** So many parts of fewer rows than that become one with the next version. */
const TOGETHER = 16

/** Pushes one row after another, each with the number of the process and its own, and makes a version of each: many small parts. */
const PROCESS = `
import { loadConfig } from '${new URL('../kernel/config.ts', import.meta.url).href}'
import { openContext } from '${new URL('../http/open-context.ts', import.meta.url).href}'
import { ingest } from '${new URL('./ingest.ts', import.meta.url).href}'
import { pushRows } from '${new URL('../pushes/pushes.ts', import.meta.url).href}'
import { localOwner } from '${new URL('../kernel/actor.ts', import.meta.url).href}'
const [dataDir, databaseUrl, by] = process.argv.slice(1)
const context = await openContext(loadConfig(dataDir, {}, { dataDir, databaseUrl, logLevel: 'silent' }), 'worker')
const caller = { projectId: '${PROJECT_ID}', actor: localOwner, dataset: 'visits' }
for (let id = 1; ; id++) {
  await pushRows(context, { ...caller, key: by + '-' + id, rows: [{ by, id }] })
  process.stdout.write('pushed\\n')
  await ingest(context, caller).catch((error) => {
    if (!/was first|UNIQUE|duplicate key/.test(error.message)) throw error
  })
}
`

describeDatabases('parts that are merged, while processes are killed', (open) => {
  it('keep every row once, and every earlier version as it was', async () => {
    const context = await open()
    const { dataDir, databaseUrl } = context.config
    await declareDatasets(context, {
      ...CALLER,
      directory: dataDir,
      datasets: [dataset('visits', { source: push() })],
    })
    /** How many pushes of each process were acknowledged. */
    const acknowledged: number[] = []
    const errors: string[] = []
    const start = (): ChildProcess => {
      const by = acknowledged.push(0) - 1
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', PROCESS, dataDir, databaseUrl, String(by)],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      )
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        acknowledged[by]! += text.split('\n').length - 1
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
      return child
    }
    const kill = async (child: ChildProcess): Promise<void> => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    const running = [start(), start()]
    for (let at = 0; at < KILLS; at++) {
      await aboutToMerge(context)
      const victim = at % running.length
      await once(running[victim]!.stdout!, 'data')
      // A version, which it makes now, takes about so long.
      await wait(Math.random() * 600)
      await kill(running[victim]!)
      // Every other time both are dead, so that what was begun is begun again.
      if (at % 4 === 3) await kill(running[1 - victim]!)
      for (const each of [0, 1]) if (running[each]!.killed) running[each] = start()
    }
    for (const child of running) await kill(child)
    expect(errors.filter((text) => !/ExperimentalWarning|--trace-warnings/.test(text))).toEqual([])

    await ingest(context, { ...CALLER, dataset: 'visits' })
    const latest = (await latestOf(context))!
    const rows = await rowsOf(context, latest)
    expect(new Set(rows).size).toBe(rows.length)
    expect(latest.rows).toBe(rows.length)
    for (const [by, count] of acknowledged.entries()) {
      const ids = rows.filter((row) => row.startsWith(`${by}-`)).length
      // One more may be durable than was told.
      expect(ids - count, `process ${by}`).toBeOneOf([0, 1])
    }
    await compareAll(context, latest, new Set(rows))
  }, 300_000)
})

async function latestOf({ db }: TestContext): Promise<DatasetVersion | undefined> {
  const { id } = await db.read.selectFrom('dataset').select('id').executeTakeFirstOrThrow()
  return await findLatestVersion(db.read, id)
}

/** Waits until the next version merges. */
async function aboutToMerge(context: TestContext): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    const latest = await latestOf(context)
    const parts = latest ? (await loadManifest(context, latest)).parts : []
    if (parts.filter(({ rows }) => rows < TOGETHER).length >= TOGETHER) return
    await wait(10)
  }
  throw new Error('There is nothing to merge')
}

async function rowsOf(context: TestContext, version: DatasetVersion): Promise<string[]> {
  const scan = await versionScan(context, version)
  const rows = await context.analytics.query(`SELECT "by" || '-' || id AS row FROM (${scan})`)
  return rows.map(({ row }) => String(row))
}

/** Every version has the rows of the one before and more; summaries count them; a comparison reads the rows that were added and no others. */
async function compareAll(context: TestContext, latest: DatasetVersion, all: Set<string>): Promise<void> {
  const input = { projectId: PROJECT_ID, dataset: 'visits', limit: 500, below: undefined }
  const versions = (await listVersions(context, input)).reverse()
  expect(versions.map(({ number }) => number)).toEqual(versions.map((_, index) => index + 1))
  let merges = 0
  let before: string[] = []
  for (const version of versions) {
    const rows = await rowsOf(context, version)
    expect(rows.length, `version ${version.number}`).toBe(version.rows)
    expect(rows.every((row) => all.has(row))).toBe(true)
    const known = new Set(rows)
    expect(
      before.filter((row) => !known.has(row)),
      `version ${version.number}`,
    ).toEqual([])
    expect(rows.length - before.length).toBe(version.addedRows)
    expect(presentSummary(await loadSummaryState(context, version)).rows).toBe(rows.length)
    const { merged = [] } = await loadManifest(context, version)
    merges += merged.length
    const { added, onlyAdded } = await compareVersions(context, version, latest)
    expect(onlyAdded).toBe(true)
    expect(added.reduce((sum, part) => sum + part.rows, 0)).toBe(latest.rows - rows.length)
    before = rows
  }
  // Others were killed before they were stored, and made again.
  expect(merges).toBeGreaterThanOrEqual(3)
}
