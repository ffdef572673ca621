import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { onlineView } from '../src/features/schema.ts'
import { openTestContext } from './databases.ts'
import { publish } from './gateways.ts'
import { servedFeatures } from './served-features.ts'

const KILLS = 4
const CLIENTS = 6
/** Answered before each kill. */
const PUSHES = 100
const KEYS = 40
const START_MS = Date.UTC(2001, 0, 1)

async function start(dataDir: string, id: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(import.meta.dirname, 'crash/gateway-process.ts'), [dataDir, id], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port))
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}`)))
  })
  return { child, url: `http://127.0.0.1:${port}` }
}

/** Event times, which are the values too, by key: what was acknowledged, and what was sent at all. */
interface Pushed {
  acknowledged: Map<string, number>
  sent: Map<string, Set<number>>
}

/** Pushes rows of three keys at once, in no order of time, until the gateway dies. */
async function load(
  url: string,
  seed: number,
  { acknowledged, sent }: Pushed,
  taken = (): void => undefined,
): Promise<void> {
  for (let i = 0; ; i++) {
    const rows = [0, 1, 2].map((n) => {
      const mixed = (seed * 7919 + i * 104_729 + n * 1_299_709) % 1_000_003
      return { key: `k${mixed % KEYS}`, minute: mixed % 100_000 }
    })
    for (const { key, minute } of rows) sent.set(key, (sent.get(key) ?? new Set()).add(minute))
    const df = {
      origin: rows.map(({ key }) => key),
      event_time: rows.map(({ minute }) => new Date(START_MS + minute * 60_000).toISOString()),
      mean_delay: rows.map(({ minute }) => minute),
      flights: rows.map(({ minute }) => minute),
      last: rows.map(() => null),
    }
    try {
      const body = JSON.stringify({ push_source_name: 'flights', df })
      const answer = await fetch(`${url}/push`, { method: 'POST', body })
      expect(answer.status, await answer.text()).toBe(200)
    } catch (error) {
      if (error instanceof TypeError) return
      throw error
    }
    for (const { key, minute } of rows) acknowledged.set(key, Math.max(acknowledged.get(key) ?? -1, minute))
    taken()
  }
}

it(
  'of two gateways that take pushes at once, one killed again and again, no acknowledged row is lost and none is mixed',
  { timeout: 120_000 },
  async () => {
    await using context = await openTestContext()
    const features = await servedFeatures(context)
    await publish(context, [], { features: [features] })
    const pushed: Pushed = { acknowledged: new Map(), sent: new Map() }
    const steady = await start(context.config.dataDir, 'steady')
    const steadyLoad = load(steady.url, 1, pushed)
    for (let kill = 1; kill <= KILLS; kill++) {
      const { child, url } = await start(context.config.dataDir, 'killed')
      const clients: Promise<void>[] = []
      await new Promise<void>((resolve) => {
        let pushes = 0
        const enough = (): void => void (++pushes === PUSHES && resolve())
        clients.push(...Array.from({ length: CLIENTS }, (_, i) => load(url, kill * 100 + i, pushed, enough)))
      })
      child.kill('SIGKILL')
      await Promise.all(clients)
    }
    steady.child.kill('SIGKILL')
    await steadyLoad
    const keys = [...pushed.acknowledged.keys()]
    expect(keys.length).toBe(KEYS)
    const view = onlineView(features.projectId, features.views[0]!)
    const [rows] = await context.online.read([{ view, entityKeys: keys }])
    for (const [index, key] of keys.entries()) {
      const { values, eventMs } = rows![index]!
      const minute = (eventMs - START_MS) / 60_000
      expect(minute, key).toBeGreaterThanOrEqual(pushed.acknowledged.get(key)!)
      expect(pushed.sent.get(key)!.has(minute), `${key} has what nobody sent`).toBe(true)
      expect(values, key).toEqual([minute, minute, null])
    }
  },
)
