import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { findPages, type PageCheck } from './addresses.ts'
import type { BrowserCheck } from './browser-check.ts'
import { journeys } from './journeys.ts'
import { keyboardChecks } from './keyboard.ts'
import { longNamePages } from './long-names.ts'

// Opens every page of the UI of a running server in a real browser:
//   node test/e2e/pages.ts http://127.0.0.1:8433
// With a text after it only the checks whose names contain it:
//   node test/e2e/pages.ts http://127.0.0.1:8433 journey
// Exit code 0 when each page answers its question in light and dark, wide and narrow.

const base = (process.argv[2] ?? process.env['TIDEMILL_URL'] ?? 'http://127.0.0.1:8433').replace(/\/$/, '')
const only = process.argv[3] ?? ''
const executablePath = process.env['TIDEMILL_CHROMIUM'] ?? '/usr/bin/chromium'
const shots = join(import.meta.dirname, 'shots')
const patienceMs = 30_000

interface Tally {
  passed: number
  failed: number
}

await mkdir(shots, { recursive: true })
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const pages = await findPages(base)
const long = await longNamePages(base)
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
})
const tally: Tally = { passed: 0, failed: 0 }
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      await checkPages(browser, { colorScheme, width, pages })
    }
  }
  for (const width of [1280, 390])
    await checkPages(browser, { colorScheme: 'light', width, pages: long.pages })
  await checkAll(browser, 'keyboard', keyboardChecks(base))
  await checkAll(browser, 'journey', journeys(base))
} finally {
  await browser.close()
  await long.remove()
}
console.log(`${tally.passed} passed, ${tally.failed} failed`)
process.exitCode = tally.failed === 0 ? 0 : 1

async function checkPages(
  browser: Browser,
  { colorScheme, width, pages }: { colorScheme: 'light' | 'dark'; width: number; pages: PageCheck[] },
): Promise<void> {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height: 844 },
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const faults = watch(page)
  for (const check of pages) {
    const label = `${check.name} ${colorScheme} ${width}`
    if (!label.includes(only)) continue
    faults.length = 0
    const problems = await problemsOf(page, check).catch((error: unknown) => [String(error)])
    await page.screenshot({ path: join(shots, `${check.name}-${colorScheme}-${width}.png`), fullPage: true })
    report(label, [...problems, ...faults])
  }
  await context.close()
}

async function checkAll(browser: Browser, kind: string, checks: BrowserCheck[]): Promise<void> {
  for (const { name, check } of checks) {
    const label = `${kind}: ${name}`
    if (!label.includes(only)) continue
    const page = await browser.newPage({ viewport: { width: 1280, height: 844 } })
    page.setDefaultTimeout(patienceMs)
    const problem = await check(page).then(
      () => [],
      (error: unknown) => [String(error)],
    )
    report(label, problem)
    await page.close()
  }
}

async function problemsOf(page: Page, check: PageCheck): Promise<string[]> {
  await page.goto(base + check.path, { waitUntil: 'domcontentloaded' })
  const problems: string[] = []
  for (const [role, name] of check.shows) {
    const found = page.getByRole(role, { name, ...(typeof name === 'string' && { exact: true }) }).first()
    const shown = await found.waitFor({ state: 'visible', timeout: patienceMs }).then(
      () => true,
      () => false,
    )
    if (!shown) problems.push(`no ${role} “${String(name)}” at ${check.path}`)
  }
  await page.waitForTimeout(300)
  for (const wrong of [/(^|\W)undefined(\W|$)/, /(^|\W)NaN(\W|$)/, /\[object Object\]/])
    if (await page.getByText(wrong).count()) problems.push(`the text ${wrong} is on the page`)
  if ((await page.getByRole('heading', { level: 1 }).count()) !== 1)
    problems.push('the page has not one heading of the first level')
  const title = await page.title()
  if (!/^.+ · Tidemill$/.test(title)) problems.push(`the title is “${title}”`)
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
  if (overflow > 0) problems.push(`the page scrolls sideways by ${overflow} px`)
  return [...problems, ...(await accessibilityProblems(page))]
}

interface Violation {
  id: string
  impact: string
  nodes: { target: string[]; failureSummary?: string }[]
}

async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const violations = await page.evaluate<Violation[]>('axe.run(document).then((result) => result.violations)')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, impact, nodes }) =>
        `${impact} accessibility: ${id} at ${nodes.map((node) => node.target.join(' ')).join('; ')}`,
    )
}

/** Collects what must not happen: errors in the console, requests that fail, and requests that leave the machine. */
function watch(page: Page): string[] {
  const faults: string[] = []
  const host = new URL(base).host
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`error on the page: ${error.message}`))
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.host !== host)
      faults.push(`a request left the machine: ${url.href}`)
  })
  return faults
}

function report(label: string, problems: string[]): void {
  if (problems.length === 0) {
    tally.passed++
    return
  }
  tally.failed++
  console.log(`✗ ${label}`)
  for (const problem of problems) console.log(`    ${problem}`)
}
