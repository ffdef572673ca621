import type { Page } from 'playwright-core'
import { findPages } from './addresses.ts'
import type { BrowserCheck } from './browser-check.ts'

/** What a person can do without a mouse. */
export function keyboardChecks(base: string): BrowserCheck[] {
  const open = async (page: Page, path: string, heading: string | RegExp) => {
    await page.goto(base + path)
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  }
  const at = (page: Page, path: RegExp) => page.waitForURL((url) => path.test(url.pathname + url.search))
  const openRuns = async (page: Page) => {
    await open(page, '/runs', 'Runs')
    await page.locator('[role="grid"][aria-busy="false"] [aria-rowindex="4"]').waitFor()
  }
  return [
    {
      name: 'g r goes to runs, g o comes back',
      async check(page) {
        await open(page, '/', /./)
        await page.keyboard.press('g')
        await page.keyboard.press('r')
        await at(page, /^\/runs$/)
        await page.keyboard.press('g')
        await page.keyboard.press('o')
        await at(page, /^\/$/)
      },
    },
    {
      name: '? explains the keys, Escape closes it',
      async check(page) {
        await open(page, '/', /./)
        await page.keyboard.press('?')
        const help = page.getByRole('dialog', { name: 'Keyboard' })
        await help.waitFor()
        await page.keyboard.press('Escape')
        await help.waitFor({ state: 'hidden' })
      },
    },
    {
      name: 'Control K finds a run by the beginning of a word of its name',
      async check(page) {
        await open(page, '/runs', 'Runs')
        const name = await page.getByRole('grid', { name: 'Runs' }).getByRole('link').first().textContent()
        await page.keyboard.press('Control+k')
        await page.getByRole('combobox', { name: /^Search/ }).fill(name ?? '')
        await page.getByRole('option').filter({ hasText: /run, / }).first().waitFor()
      },
    },
    {
      name: 'a view is saved by its name, and taken up again',
      async check(page) {
        await open(page, '/runs?filter=status+%3D+FINISHED', 'Runs')
        await page.getByRole('button', { name: 'Views' }).press('Enter')
        const name = `finished ${Date.now()}`
        await page.getByRole('textbox', { name: 'Name for this view' }).fill(name)
        await page.keyboard.press('Enter')
        await page.getByRole('button', { name, exact: true }).waitFor()
        await page.keyboard.press('Escape')
        await page.getByRole('textbox', { name: 'Filter runs' }).fill('')
        await page.keyboard.press('Enter')
        await page.getByRole('button', { name: 'Views' }).press('Enter')
        await page.getByRole('button', { name, exact: true }).press('Enter')
        await at(page, /filter=status/)
      },
    },
    {
      name: 'Control K finds a page by its name',
      async check(page) {
        await open(page, '/', /./)
        await page.keyboard.press('Control+k')
        await page.getByRole('combobox', { name: /^Search/ }).fill('decis')
        await page.keyboard.press('Enter')
        await at(page, /^\/decisions$/)
      },
    },
    {
      name: '/ puts the cursor into the filter of the runs',
      async check(page) {
        await openRuns(page)
        await page.keyboard.press('/')
        await page.keyboard.type('metrics.nothing > 1')
        await page.keyboard.press('Enter')
        await at(page, /filter=metrics\.nothing/)
      },
    },
    {
      name: 'a wrong filter says what would be right',
      async check(page) {
        await open(page, '/runs?filter=what%3F', 'Runs')
        await page.getByRole('alert').getByText('Write metrics.').waitFor()
      },
    },
    {
      name: 'j k x c select two runs and compare them',
      async check(page) {
        await openRuns(page)
        for (const key of ['j', 'x', 'j', 'x', 'c']) await page.keyboard.press(key)
        await at(page, /^\/runs\/compare\?runs=[^,]+,[^,]+$/)
      },
    },
    {
      name: 'a column is chosen, found and kept in the address',
      async check(page) {
        await openRuns(page)
        await page.getByRole('button', { name: 'Columns' }).press('Enter')
        await page.getByRole('textbox', { name: 'Find a column' }).fill('user')
        await page.getByRole('checkbox', { name: 'User' }).press(' ')
        await page.keyboard.press('Escape')
        await page.getByRole('columnheader', { name: 'User' }).waitFor()
        await at(page, /columns=.*attribute%3AuserId/)
      },
    },
    {
      name: 'X selects up to the row under the cursor',
      async check(page) {
        await openRuns(page)
        for (const key of ['j', 'x', 'j', 'j', 'X']) await page.keyboard.press(key)
        await page.getByRole('toolbar', { name: 'Selected runs' }).getByText('3 runs selected').waitFor()
      },
    },
    {
      name: 'a range on an axis is chosen with arrow keys, and kept in the address',
      async check(page) {
        // Runs that have metrics, and so axes: of pipelines those of the steps.
        const compare = (await findPages(base)).find(({ name }) => name === 'compare-parallel')!
        await open(page, compare.path, /Compare/)
        const handle = page.getByRole('slider').first()
        await handle.waitFor()
        await handle.press('ArrowUp')
        await at(page, /brush=/)
        await page.getByText(/of \d+ runs chosen/).waitFor()
      },
    },
    {
      name: 'Enter opens the run under the cursor',
      async check(page) {
        await openRuns(page)
        await page.keyboard.press('j')
        await page.keyboard.press('Enter')
        await at(page, /^\/runs\/\w{8,}$/)
      },
    },
    {
      name: 'the first Tab offers to skip to the page',
      async check(page) {
        await open(page, '/', /./)
        await page.keyboard.press('Tab')
        await page.getByRole('link', { name: 'Skip to the page' }).and(page.locator(':focus')).waitFor()
      },
    },
    {
      name: 'Roll back asks first, and Escape leaves all as it was',
      async check(page) {
        await open(page, '/deployments', 'Deployments')
        await page.getByRole('region', { name: 'Deployments' }).getByRole('link').first().click()
        const button = page.getByRole('button', { name: 'Roll back' })
        await button.waitFor()
        if (await button.isDisabled()) return
        await button.press('Enter')
        const dialog = page.getByRole('alertdialog')
        await dialog.getByRole('button', { name: 'Roll back' }).waitFor()
        await page.keyboard.press('Escape')
        await dialog.waitFor({ state: 'hidden' })
      },
    },
    {
      name: 'the other theme stays after a reload',
      async check(page) {
        await open(page, '/', /./)
        await page.getByRole('button', { name: 'Use the dark theme' }).press('Enter')
        await page.getByRole('button', { name: 'Use the light theme' }).waitFor()
        await page.reload()
        await page.getByRole('button', { name: 'Use the light theme' }).waitFor()
      },
    },
    {
      name: 'a chart shows its numbers as a table',
      async check(page) {
        await open(page, '/deployments', 'Deployments')
        await page.getByRole('region', { name: 'Deployments' }).getByRole('link').first().click()
        await page.getByText('Show data').first().press('Enter')
        await page
          .getByRole('region', { name: /^Data of / })
          .getByRole('table')
          .waitFor()
      },
    },
  ]
}
