import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { workOff } from '../../test/work-off.ts'
import { declareDatasets, listVersions, loadManifest, versionScan, versionSummary } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { entity } from '../features/definition.ts'
import { declareFeatures } from '../features/features.ts'
import { localOwner } from '../kernel/actor.ts'
import { consumers } from '../monitoring/consumers.ts'
import { jobs as monitoringJobs } from '../monitoring/jobs.ts'
import { purgeErased } from '../server/erased-blobs.ts'
import { jobs as servingJobs } from '../prediction-log/jobs.ts'
import { feedbackScan, predictionScan } from '../prediction-log/prediction-log.ts'
import { ServingEngine } from '../serving/serving-engine.ts'
import { files } from '../sources/definition.ts'
import { getErasure, requestErasure } from './erasure.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
const ADA = 'ada@example.org'
const DAYS = 8
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

/** A process that works on erasures, and nothing else. */
const WORKER = `
import { JobRunner } from '${new URL('../jobs/runner.ts', import.meta.url).href}'
import { loadConfig } from '${new URL('../kernel/config.ts', import.meta.url).href}'
import { openContext } from '${new URL('../http/open-context.ts', import.meta.url).href}'
import { erasureJobs } from '${new URL('./jobs.ts', import.meta.url).href}'
const dataDir = process.argv[1]
const context = await openContext(loadConfig(dataDir, {}, { dataDir, logLevel: 'silent' }), 'worker')
await new JobRunner(context, erasureJobs, { worker: 'w', slots: { work: 1, pipeline: 0, delivery: 0 } }).start()
process.stdout.write('started')
`

async function arrange(context: TestContext, folder: string): Promise<void> {
  await declareDatasets(context, {
    ...owner,
    directory: folder,
    datasets: [dataset('trips', { source: files('*.csv'), time: 'travelled' })],
  })
  for (let day = 1; day <= DAYS; day++) {
    const date = `2001-01-${String(day).padStart(2, '0')}`
    const rows = Array.from({ length: 50 }, (_, row) => {
      const email = row % 10 === 0 ? ADA : `p${row}@example.org`
      return `${email},${date} 10:00:${String(row).padStart(2, '0')},${row}`
    })
    writeFileSync(join(folder, `${date}.csv`), `email,travelled,distance\n${rows.join('\n')}\n`)
    await ingest(context, { ...owner, dataset: 'trips' })
  }
  const definitions = {
    entities: [entity('traveller', { key: 'email' })],
    views: [],
    onDemand: [],
    services: [],
  }
  await declareFeatures(context, { ...owner, definitions })
  for (let segment = 0; segment < 4; segment++) {
    await using engine = new ServingEngine(context)
    for (let row = 0; row < 20; row++) {
      const prediction_id = `${segment}-${row}`
      const entity_key = row % 4 === 0 ? ADA : `p${row}@example.org`
      engine.external(PROJECT_ID, [
        {
          prediction_id,
          deployment: 'late',
          entity_key,
          time_ms: Date.UTC(2001, 0, 1),
          features: {},
          score: 0.4,
        },
      ])
      await engine.feedback(PROJECT_ID, [{ prediction_id, label: 1, label_time_ms: Date.UTC(2001, 0, 2) }])
    }
    await engine.flush()
  }
  await workOff(context, { consumers, jobs: [...servingJobs, ...monitoringJobs] })
}

test('an erasure whose worker is killed again and again removes and counts every row once', async () => {
  await using context = await openTestContext()
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-erasure-crash-'))
  try {
    await arrange(context, folder)
    const before = await listVersions(context, { projectId: PROJECT_ID, dataset: 'trips', limit: 100 })
    const id = await requestErasure(context, { ...owner, entity: 'traveller', key: ADA, dryRun: false })
    const state = async () => (await getErasure(context, { ...owner, id })).state
    let kills = 0
    // Ever longer, so that it ends on a slow machine too.
    for (let afterMs = 0; (await state()) === 'waiting'; afterMs = afterMs * 1.25 + 50) {
      const worker = spawn(process.execPath, ['--input-type=module', '-e', WORKER, context.config.dataDir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(worker.stdout, 'data')
      for (let waited = 0; waited < afterMs && (await state()) === 'waiting'; waited += 20) await pause(20)
      worker.kill('SIGKILL')
      await once(worker, 'exit')
      kills += 1
      expect(kills).toBeLessThan(60)
    }
    expect(kills).toBeGreaterThan(3)
    await purgeErased(context)
    const erasure = await getErasure(context, { ...owner, id })
    expect(erasure.state).toBe('done')
    const count = (place: string): number =>
      erasure.places.filter((each) => each.place === place).reduce((sum, { rows }) => sum + rows, 0)
    expect(count('dataset parts')).toBe(5 * DAYS)
    expect(count('dataset versions')).toBe((5 * DAYS * (DAYS + 1)) / 2)
    expect(count('predictions')).toBe(20)
    expect(count('feedback')).toBe(20)
    expect(count('joined labels')).toBe(20)

    const after = await listVersions(context, { projectId: PROJECT_ID, dataset: 'trips', limit: 100 })
    expect(after.map(({ id: version, number }) => [version, number])).toEqual(
      before.map(({ id: version, number }) => [version, number]),
    )
    for (const version of after) {
      expect(version.rows).toBe(45 * version.number)
      expect((await versionSummary(context, version)).rows).toBe(version.rows)
      expect((await loadManifest(context, version)).redacted).toHaveLength(1)
      const found = await context.analytics.query(
        `SELECT count(*) AS n, count(*) FILTER (WHERE email = '${ADA}') AS ada FROM (${await versionScan(context, version)})`,
      )
      expect(found).toEqual([{ n: version.rows, ada: 0 }])
    }
    const rows = async (scan: string): Promise<unknown> =>
      (await context.analytics.query(`SELECT count(*) AS n FROM ${scan}`))[0]!['n']
    expect(await rows(await predictionScan(context, EVER))).toBe(60)
    expect(await rows(await feedbackScan(context, EVER))).toBe(60)
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 400_000)
