import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readRunning, type Running } from '../../src/http/api-client.ts'
import { environmentName } from '../../src/kernel/config.ts'
import { PATIENCE_MS, until, type Checks } from './checks.ts'
import { childrenOf, kill, lives } from './processes.ts'
import type { Stage } from './stage.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

interface Up {
  child: ChildProcess
  output: () => string
  ended: Promise<number | null>
}

/** The `up` command itself is killed, started again at once, and started twice. */
export async function killUp(checks: Checks, stage: Stage): Promise<void> {
  const { serverUrl, gatewayUrl } = stage.supervisor.running
  await stage.stop()
  const settings = {
    dataDir: stage.config.dataDir,
    replay: 'true',
    logLevel: 'silent',
    port: new URL(serverUrl).port,
    gatewayPort: new URL(gatewayUrl).port,
  }
  const opened: Up[] = []
  const start = (): Up => {
    const up = startUp(stage.project, settings)
    opened.push(up)
    return up
  }
  try {
    await play(checks, stage, start)
  } finally {
    for (const { child } of opened) if (child.exitCode === null) child.kill('SIGKILL')
  }
}

async function play(checks: Checks, stage: Stage, start: () => Up): Promise<void> {
  const { dataDir } = stage.config
  const first = start()
  await running(first, dataDir)
  const children = childrenOf(first.child.pid!, MAIN)
  checks.that('`up` runs three processes', children.length === 3)
  kill(first.child.pid!)
  const killedAt = performance.now()
  await first.ended
  const second = start()
  await until('the children of a killed `up` to end', () => (children.some(lives) ? undefined : true)).catch(
    () => undefined,
  )
  checks.none(
    'the children of a killed `up` end too',
    children.filter(lives),
    `${((performance.now() - killedAt) / 1000).toFixed(1)} s`,
  )
  const again = await running(second, dataDir).catch(() => undefined)
  checks.that(
    'a new `up` starts at once on the folder of a killed one',
    again !== undefined,
    again === undefined ? second.output() : '',
  )
  if (again === undefined) return
  await refusedBeside(checks, start)
  const { status } = await fetch(`${again.gatewayUrl}/v2/models/late`)
  checks.that('the `up` that was there first serves on', status === 200 && second.child.exitCode === null)
  const last = childrenOf(second.child.pid!, MAIN)
  second.child.kill('SIGTERM')
  const code = await within(second.ended)
  checks.that('`up` that is told to stop ends with exit code 0', code === 0, `exit code ${code}`)
  checks.none('and leaves no process behind', last.filter(lives))
}

async function refusedBeside(checks: Checks, start: () => Up): Promise<void> {
  const refused = start()
  const code = await within(refused.ended)
  checks.that('a second `up` on a folder in use is refused with exit code 4', code === 4, `exit code ${code}`)
  checks.that(
    'and says why, and what to do',
    /Another `tidemill up` works on .*Stop it, or name another folder/.test(refused.output()),
    refused.output().trim().slice(0, 200),
  )
}

function startUp(project: string, settings: Readonly<Record<string, string>>): Up {
  const env = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [environmentName(key), value]),
  )
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'up'], {
    cwd: project,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
  })
  return { child, output: () => output, ended }
}

/** Resolves when `up` says that it runs; throws when it ended instead. */
async function running({ child, output }: Up, dataDir: string): Promise<Running> {
  await until('`up` to run', () => {
    if (child.exitCode !== null) throw new Error(`up ended with ${child.exitCode}: ${output()}`)
    return output().includes('Tidemill runs.') ? true : undefined
  })
  return readRunning(dataDir)!
}

async function within(ended: Promise<number | null>): Promise<number | null | 'still runs'> {
  return await Promise.race([
    ended,
    new Promise<'still runs'>((resolve) => {
      setTimeout(() => resolve('still runs'), PATIENCE_MS).unref()
    }),
  ])
}
