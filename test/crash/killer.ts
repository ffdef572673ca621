import { randomInteger, type Random } from '../../src/statistics/random.ts'
import type { RoleName, Supervisor } from '../../src/supervisor/supervisor.ts'
import { sleep, until } from './checks.ts'
import { childrenOf, kill, lives } from './processes.ts'

export type Victim = RoleName | 'step'

const STEP_WAIT_MS = 4_000

/** Kills processes of a supervisor with `kill -9`, at moments that a seeded generator chooses. */
export class Killer {
  readonly kills: Record<Victim, number> = { server: 0, worker: 0, gateway: 0, step: 0 }
  readonly #supervisor: Supervisor
  readonly #random: Random
  readonly #killed = new Set<number>()

  constructor(supervisor: Supervisor, random: Random) {
    this.#supervisor = supervisor
    this.#random = random
  }

  get total(): number {
    return Object.values(this.kills).reduce((sum, count) => sum + count, 0)
  }

  /** Kills a role once it lives (again): perhaps while it is still starting. */
  async role(name: RoleName): Promise<void> {
    const pid = await until(`the ${name} to live`, () => {
      const found = this.#supervisor.pid(name)
      return found !== undefined && !this.#killed.has(found) && lives(found) ? found : undefined
    })
    this.#killed.add(pid)
    if (kill(pid)) this.kills[name]++
  }

  /** Kills one of the processes in which the worker runs project code. False when there was none for a while. */
  async step(): Promise<boolean> {
    for (const deadline = performance.now() + STEP_WAIT_MS; performance.now() < deadline; await sleep(20)) {
      if (this.#stepNow()) return true
    }
    return false
  }

  #stepNow(): boolean {
    const worker = this.#supervisor.pid('worker')
    const children = worker === undefined ? [] : childrenOf(worker, 'project-child')
    const pid = children[randomInteger(this.#random, Math.max(1, children.length))]
    if (pid === undefined || this.#killed.has(pid)) return false
    this.#killed.add(pid)
    if (!kill(pid)) return false
    this.kills.step++
    return true
  }

  /** Waits a random time between two bounds. */
  async pause(leastMs: number, mostMs: number): Promise<void> {
    await sleep(leastMs + this.#random.next() * (mostMs - leastMs))
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[randomInteger(this.#random, items.length)]!
  }
}
