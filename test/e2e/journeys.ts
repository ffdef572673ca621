import type { Page } from 'playwright-core'
import type { BrowserCheck } from './browser-check.ts'
import { apiAt, type Api } from './server-api.ts'

/** What people come for, from the first page to the answer. Each starts on a fresh page, and throws when it can't be done. */
export function journeys(base: string): BrowserCheck[] {
  const api = apiAt(base)
  const open = async (page: Page, path: string) => {
    await page.goto(base + path)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  return [
    {
      name: 'the best run, and what makes it the best',
      async check(page) {
        // The column is chosen, for the newest runs of a server need not have it.
        await open(page, '/runs?columns=metric%3Aauc')
        const grid = page.getByRole('grid', { name: 'Runs' })
        await grid.getByRole('button', { name: 'auc', exact: true }).click()
        await page.waitForURL(/sort=metric/)
        await page.locator('[role="grid"][aria-busy="false"] [aria-rowindex="3"]').waitFor()
        for (const key of ['j', 'x', 'j', 'x', 'c']) await page.keyboard.press(key)
        await page.waitForURL(/runs\/compare\?.*by=auc/)
        await page.getByText(/ best by auc\./).waitFor()
        await page.getByLabel('best', { exact: true }).first().waitFor()
      },
    },
    {
      name: 'what two runs were trained on, and how that differs',
      async check(page) {
        const ids = await runsOnDifferentData(api)
        await open(page, `/runs/compare?runs=${ids.join(',')}`)
        const data = page.getByRole('region', { name: 'Data', exact: true }).first()
        await data.getByRole('link', { name: /^What changed in / }).click()
        await page.getByRole('heading', { name: /^What changed in v\d+$/ }).waitFor()
        await page.getByRole('table').filter({ hasText: 'PSI' }).waitFor()
      },
    },
    {
      name: 'what a version of a dataset has led to, also of an old one',
      async check(page) {
        const { name } = await firstDataset(api)
        await open(page, `/datasets/${name}?version=1`)
        await page.getByRole('button', { name: 'v1', exact: true, pressed: true }).waitFor()
        const produced = page.getByRole('region', { name: 'What v1 produced' })
        await produced
          .getByRole('link', { name: /model version/ })
          .first()
          .click()
        await page.waitForURL(/\/models\/[^/]+\/versions\/\d+$/)
      },
    },
    {
      name: 'a description that two people edit at once',
      async check(page) {
        const [model] = await api.list<{ name: string }>('/models')
        if (!model) throw new Error('There is no model')
        await open(page, `/models/${model.name}`)
        await page.getByRole('button', { name: 'Edit the description' }).click()
        await page.getByRole('textbox', { name: 'Description' }).fill('mine')
        const write = (description: string) =>
          page.request.patch(`${base}/api/v1/models/${model.name}`, { data: { description } })
        await write('theirs')
        await page.getByRole('button', { name: 'Save', exact: true }).click()
        await page
          .getByRole('alert')
          .filter({ hasText: 'Somebody has changed it meanwhile: “theirs”' })
          .waitFor()
        await page.getByRole('button', { name: 'Save', exact: true }).click()
        await page
          .getByRole('paragraph')
          .filter({ hasText: /^mine$/ })
          .waitFor()
        await write('')
      },
    },
    {
      name: 'the failing rows of a refused file',
      async check(page) {
        const { name } = await firstDataset(api)
        await open(page, `/datasets/${name}`)
        const aside = page.getByRole('region', { name: 'Set aside' }).first()
        await aside.getByRole('link', { name: 'The report' }).first().click()
        await page.getByRole('heading', { level: 1, name: 'Validation report' }).waitFor()
        await page.getByRole('region', { name: 'Failing rows' }).getByRole('row').nth(1).waitFor()
      },
    },
    {
      name: 'features that nobody uses',
      async check(page) {
        await open(page, '/features')
        await page.getByRole('button', { name: 'Unused' }).press('Enter')
        await page.waitForURL(/used=nobody/)
        const found = page.getByRole('columnheader', { name: 'Not used' })
        await found.or(page.getByText('Nothing that the project declares is like that.')).waitFor()
      },
    },
    {
      name: 'who put a version into production on a day',
      async check(page) {
        await open(page, '/audit')
        await page.getByLabel('At', { exact: true }).fill('2090-01-01T00:00')
        await page.getByRole('button', { name: 'Show' }).click()
        const then = page.getByRole('region', { name: 'Deployments then' })
        await then.getByRole('columnheader', { name: 'Put there by' }).waitFor()
        await then.getByRole('row').nth(1).waitFor()
      },
    },
    {
      name: 'a promotion is found, reviewed and merged',
      check: (page) => reviewed(page, api, open),
    },
    {
      name: 'runs that log are followed without losing the place',
      check: (page) => followed(page, api, open),
    },
    {
      name: 'a deleted run is found and restored',
      async check(page) {
        const name = `to be restored ${Date.now()}`
        const { id } = await api.run(name)
        await open(page, `/runs/${id}`)
        await page.getByRole('button', { name: 'Delete…' }).press('Enter')
        await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).press('Enter')
        await page.getByRole('button', { name: 'Restore…' }).waitFor()
        await open(page, '/runs')
        await page.getByRole('button', { name: 'Deleted' }).click()
        await page.getByRole('checkbox', { name: `Select ${name}` }).press(' ')
        await page.getByRole('button', { name: 'Restore…' }).press('Enter')
        await page.getByRole('alertdialog').getByRole('button', { name: 'Restore' }).press('Enter')
        await page.getByRole('link', { name }).waitFor({ state: 'detached' })
        await open(page, `/runs/${id}`)
        await page.getByRole('button', { name: 'Delete…' }).waitFor()
        await api.deleteRun(id)
      },
    },
  ]
}

/** An alias of this journey's own is protected, proposed, approved and merged, and then taken away. */
async function reviewed(page: Page, api: Api, open: (page: Page, path: string) => Promise<void>) {
  const [model] = await api.list<{ name: string }>('/models')
  if (!model) throw new Error('This server has no model')
  const alias = `journey-${Date.now()}`
  const path = `/models/${model.name}`
  await api.send('PUT', `${path}/protection/${alias}`, { approvals: 1, byOthers: false, gates: false })
  try {
    await api.send('POST', `${path}/promotions`, { version: 1, alias, reason: 'It is needed by a journey.' })
    await open(page, '/')
    const waits = page.getByRole('list', { name: 'Needs you' }).getByRole('link', { name: new RegExp(alias) })
    await waits.press('Enter')
    await page.getByRole('heading', { level: 1, name: new RegExp(alias) }).waitFor()
    await page.getByRole('button', { name: 'Review', exact: true }).press('Enter')
    await page.keyboard.type('It does what it should.')
    await page.getByRole('button', { name: 'Approve' }).press('Enter')
    await page.getByRole('button', { name: 'Merge' }).press('Enter')
    await page.getByRole('heading', { level: 1 }).getByText('merged').waitFor()
    await open(page, path)
    await page.getByRole('region', { name: 'Aliases' }).getByText(alias).first().waitFor()
  } finally {
    await api.send('DELETE', `${path}/protection/${alias}`)
    await api.send('DELETE', `${path}/aliases/${alias}`)
  }
}

/** The newest runs slide in at the top; further down they are counted, and nothing moves. */
async function followed(page: Page, api: Api, open: (page: Page, path: string) => Promise<void>) {
  const { experiment_id: experimentId } = await api.mlflow<{ experiment_id: string }>('experiments/create', {
    name: `followed ${Date.now()}`,
  })
  for (let index = 0; index < 60; index++) await api.run(`earlier ${index}`, experimentId)
  await open(page, `/runs?experiment=${experimentId}`)
  const grid = page.getByRole('grid', { name: 'Runs' })
  await grid.getByText('earlier 59').waitFor()
  const { id } = await api.run('newest', experimentId)
  await grid.getByText('newest').waitFor()
  const log = (step: number, value: number) =>
    api.mlflow('runs/log-batch', { run_id: id, metrics: [{ key: 'loss', value, timestamp: 1, step }] })
  await log(0, 0.75)
  await page.goto(`${base(page)}/runs?experiment=${experimentId}`)
  await grid.getByText('0.7500').waitFor()
  // A run is told of at most once a second.
  await page.waitForTimeout(1100)
  await log(1, 0.25)
  await grid.getByText('0.2500').waitFor()
  await grid.evaluate((element) => element.scrollTo(0, 800))
  await grid.getByText('earlier 25').waitFor()
  const place = () => grid.evaluate((element) => element.scrollTop)
  const before = await place()
  await api.run('even newer', experimentId)
  const fresh = page.getByRole('button', { name: '1 new' })
  await fresh.waitFor()
  if ((await place()) !== before) throw new Error(`The table moved from ${before} to ${await place()}`)
  await fresh.click()
  await grid.getByText('even newer').waitFor()
  await api.mlflow('experiments/delete', { experiment_id: experimentId })
}

function base(page: Page): string {
  return new URL(page.url()).origin
}

async function firstDataset(api: Api): Promise<{ name: string }> {
  const [dataset] = await api.list<{ name: string }>('/datasets')
  if (!dataset) throw new Error('This server has no dataset')
  return dataset
}

interface Node {
  kind: string
  id: string
}

/** Two evaluations whose lineage has different versions of a dataset. */
async function runsOnDifferentData(api: Api): Promise<string[]> {
  const filter = encodeURIComponent("name = 'evaluate'")
  const { rows } = await api.get<{ rows: { id: string }[] }>(`/run-table?limit=100&filter=${filter}`)
  const byData = new Map<string, string>()
  for (const { id } of rows) {
    const { nodes } = await api.get<{ nodes: Node[] }>(`/lineage?kind=run&id=${id}&direction=up`)
    const data = nodes.filter(({ kind }) => kind === 'dataset_version').map((node) => node.id)
    if (data.length > 0) byData.set(data.sort().join(), id)
    if (byData.size === 2) return [...byData.values()]
  }
  throw new Error('No two runs of this server used different data')
}
