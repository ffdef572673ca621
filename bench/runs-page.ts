/**
 * How the page of runs feels in a real browser: time to the first rows, frames while it scrolls, sort and filter; and how long the server searches.
 *
 *     npm run build:ui && node bench/runs-page.ts [--runs 10000] [--keep]
 */
import { serve } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import { createServerApp } from '../src/server/server.ts'
import { openTestContext, type TestContext } from '../test/databases.ts'

/** Runs in the page, where there is a document. */
const SCROLL = `(async () => {
  const grid = document.querySelector('[role=grid]')
  const next = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const taken = []
  let before = await next()
  for (let index = 0; index < 120; index++) {
    grid.scrollTop += 95
    const now = await next()
    taken.push(now - before)
    before = now
  }
  return taken
})()`

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, keep: { type: 'boolean', default: false } },
})
await using context = await openTestContext()
const runs = Number(values.runs)
const roots = runs - Math.floor(runs / 10)
await fill(context, runs)
const server = serve({ fetch: createServerApp(context).fetch, port: 0, hostname: '127.0.0.1' })
await new Promise((resolve) => server.once('listening', resolve))
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
console.log(`${runs} runs at ${base}`)
await measureSearch()
if (values.keep) await new Promise((resolve) => process.once('SIGTERM', resolve))
else await measure()
server.close()
process.exit(0)

/** What people type: a name, a beginning that all runs have, words that few and many have, nothing that is there. */
async function measureSearch(): Promise<void> {
  for (const text of ['run-4711', 'ru', 'rare', 'common 99', 'run 7 rare', 'nowhere']) {
    const taken: number[] = []
    for (let index = 0; index < 40; index++) {
      const start = performance.now()
      await (await fetch(`${base}/api/v1/search?q=${encodeURIComponent(text)}`)).json()
      taken.push(performance.now() - start)
    }
    const sorted = taken.sort((a, b) => a - b)
    console.log(
      `search “${text}”`.padEnd(44),
      `p50 ${sorted[20]!.toFixed(1)} ms, p95 ${sorted[38]!.toFixed(1)} ms`,
    )
  }
}

async function measure(): Promise<void> {
  await using browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  const row = page.locator('[role=row][aria-rowindex="2"]')
  const timed = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now()
    await work()
    console.log(`${name.padEnd(44)} ${Math.round(performance.now() - start)} ms`)
  }
  await page.goto(`${base}/models`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await timed('first rows, page loaded cold', async () => {
    await page.goto(`${base}/runs`)
    await row.waitFor()
  })
  await timed('first rows, from another page', async () => {
    await page.getByRole('link', { name: 'Models', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
    await page.getByRole('link', { name: 'Runs', exact: true }).click()
    await row.waitFor()
  })
  await page.locator('h1', { hasText: new Intl.NumberFormat('en-GB').format(roots) }).waitFor()
  console.log(`scroll through 400 rows: ${await frames(page)}`)
  await timed('sort by a metric', async () => {
    await page.getByRole('columnheader', { name: 'auc' }).getByRole('button').click()
    await page.locator('[role=row][aria-rowindex="2"]', { hasText: /0[.]99|1[.]0/ }).waitFor()
  })
  await timed('filter', async () => {
    await page.keyboard.press('/')
    await page.keyboard.type("metrics.auc > 0.5 and params.depth = '7'")
    await page.keyboard.press('Enter')
    await page.waitForURL(/filter=/)
    await page.locator('h1', { hasNotText: new Intl.NumberFormat('en-GB').format(roots) }).waitFor()
    await row.waitFor()
  })
}

/** Scrolls by a frame's worth a hundred and twenty times, and says how long the frames took. */
async function frames(page: Page): Promise<string> {
  const taken = await page.evaluate<number[]>(SCROLL)
  const sorted = taken.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1)
  return `frames p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`
}

/** Rows written straight into the tables: five metrics and five params for each run, every tenth run nested in the one before. */
async function fill({ db, ids }: TestContext, count: number): Promise<void> {
  const owner = { project_id: 'default', experiment_id: '1' }
  await db.write((trx) =>
    trx
      .insertInto('experiment')
      .values({
        id: '1',
        project_id: 'default',
        name: 'sweep',
        is_default: 0,
        artifact_location: 'mlflow-artifacts:/1',
        lifecycle: 'active',
        created_ms: 0,
        updated_ms: 0,
      })
      .execute(),
  )
  let parent: string | null = null
  for (let from = 0; from < count; from += 500) {
    const made = Array.from({ length: Math.min(500, count - from) }, () => ids.hex32())
    await db.write(async (trx) => {
      const rows = made.map((id, index) => {
        if (index % 10 === 0) parent = id
        return {
          ...owner,
          id,
          name: `run-${from + index}`,
          user_id: 'bench',
          status: 'FINISHED' as const,
          start_ms: Date.UTC(2026, 0, 1) + (from + index) * 60_000,
          end_ms: Date.UTC(2026, 0, 1) + (from + index) * 60_000 + 42_000,
          artifact_uri: `mlflow-artifacts:/1/${id}/artifacts`,
          parent_run_id: index % 10 === 9 ? parent : null,
          lifecycle: 'active' as const,
          deleted_ms: null,
          created_ms: 0,
          announced_ms: 0,
        }
      })
      await trx.insertInto('run').values(rows).execute()
      await trx
        .insertInto('run_word')
        .values(
          made.flatMap((run_id, index) =>
            ['run', String(from + index), index % 250 === 0 ? 'rare' : 'common'].map((word) => ({
              run_id,
              key: 'mlflow.runName',
              word,
              project_id: owner.project_id,
            })),
          ),
        )
        .execute()
      for (const key of ['auc', 'loss', 'f1', 'recall', 'brier'])
        await trx
          .insertInto('run_metric_latest')
          .values(
            made.map((run_id) => ({
              ...owner,
              run_id,
              key,
              step: 0,
              timestamp_ms: 0,
              value: Math.random(),
              is_nan: 0,
            })),
          )
          .execute()
      for (const key of ['depth', 'lr', 'trees', 'seed', 'data'])
        await trx
          .insertInto('run_param')
          .values(
            made.map((run_id, index) => ({ ...owner, run_id, key, value: String((from + index) % 100) })),
          )
          .execute()
    })
  }
}
