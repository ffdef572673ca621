import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import type { Running } from '../src/http/api-client.ts'
import { environmentName } from '../src/kernel/config.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const GUIDE = readFileSync(new URL('../docs/guides/start.md', import.meta.url), 'utf8')
const NODE = ['--disable-warning=ExperimentalWarning', MAIN]
const GATEWAY = 'http://127.0.0.1:8434'
const START_TIMEOUT_MS = 90_000

/** The shell blocks of the guide, in its order. */
const blocks = [...GUIDE.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block!)
const curls = [...GUIDE.matchAll(/curl -s (\S+) -H '([^']+): ([^']+)'\s*(?:\\\n\s*)?-d '([^']*)'/g)].map(
  ([, url, header, value, body]) => ({ url: url!, headers: { [header!]: value! }, body: body! }),
)

const folder = mkdtempSync(join(tmpdir(), 'tidemill-guide-'))
const project = join(folder, 'churn')
const env = { ...process.env, [environmentName('port')]: '0', [environmentName('gatewayPort')]: '0' }
let up: ChildProcess | undefined

/** The calls of `tidemill` in a block, without their comments. */
function callsIn(block: string): string[] {
  const lines = block.split('\n').map((line) => line.replace(/\s+#.*$/, '').trim())
  return lines.filter((line) => line.startsWith('tidemill '))
}

async function tidemill(line: string, cwd: string): Promise<string> {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!)
  const { stdout } = await promisify(execFile)(process.execPath, [...NODE, ...words.slice(1)], { cwd, env })
  return stdout
}

function running(): Running {
  return JSON.parse(readFileSync(join(project, '.tidemill/running.json'), 'utf8')) as Running
}

async function curl({ url, headers, body }: (typeof curls)[number]): Promise<Record<string, unknown>> {
  const here = url.replace(GATEWAY, running().gatewayUrl)
  const response = await fetch(here, { method: 'POST', headers, body })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

async function start(): Promise<void> {
  const [init = ''] = callsIn(blocks[0]!)
  await tidemill(init, folder)
  up = spawn(process.execPath, [...NODE, 'up'], { cwd: project, env, stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  up.stdout!.on('data', (text) => (said += String(text)))
  await expect.poll(() => said, { timeout: START_TIMEOUT_MS }).toContain('Applied the project as version 1')
  await expect
    .poll(() => tidemill('tidemill data list', project), { timeout: START_TIMEOUT_MS, interval: 500 })
    .toContain('passed')
}

afterAll(async () => {
  const ended = new Promise((resolve) => up?.once('exit', resolve))
  up?.kill('SIGTERM')
  await ended
  expect(existsSync(join(project, '.tidemill/running.json'))).toBe(false)
  rmSync(folder, { recursive: true, force: true })
})

test('The guide to start does what it says: each of its commands and requests, in its order', async () => {
  expect(callsIn(blocks[0]!)).toEqual(['tidemill init churn', 'tidemill up'])
  await start()
  const [run, models, status] = await inOrder(callsIn(blocks[1]!))
  expect(run).toContain('Deployed churn/1 to churn as its first version. Gate passed churn/1')
  expect(models).toMatch(/churn\/1 .*champion/)
  expect(status).toContain('customers v1')

  const [ask, label] = curls
  await expect.poll(() => curl(ask!)).toMatchObject({ model_version: '1' })
  const answer = (await curl(ask!)) as { parameters: { prediction_id: string } }
  const told = { ...label!, body: label!.body.replace('01…', answer.parameters.prediction_id) }
  expect(await curl(told)).toMatchObject({ accepted: 1 })

  const [sql, quality] = callsIn(blocks.at(-1)!)
  await expect.poll(() => tidemill(sql!, project)).toContain(answer.parameters.prediction_id)
  await expect.poll(() => tidemill(quality!, project)).toContain('1 of them labelled')
})

async function inOrder(lines: readonly string[]): Promise<string[]> {
  const said: string[] = []
  for (const line of lines) said.push(await tidemill(line, project))
  return said
}
