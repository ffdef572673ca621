import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openContext } from '../../src/http/open-context.ts'
import { configSchema } from '../../src/kernel/config.ts'
import { createRandom, randomInteger, type Random } from '../../src/statistics/random.ts'
import { freshPostgres } from '../databases.ts'
import { startServerProcess, tidemillServer, type ServerProcess } from '../server-process.ts'
import { sleep, until, type Checks } from './checks.ts'
import { checkStored, checkWriters } from './tracking-checks.ts'
import { TrackingWriter } from './tracking-writer.ts'

const WRITERS = 8
const ROUNDS = 6
const WRITES_BETWEEN = 150

/**
 * Eight clients write to tracking and the registry while their server is killed and started again; after each kill everything that they
 * were told is looked for. On PostgreSQL two servers work on the database, and one of them is killed while the other goes on.
 */
export async function killUnderTracking(
  checks: Checks,
  seed: number,
  postgresUrl: string | undefined,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-crash-tracking-'))
  const database = postgresUrl === undefined ? undefined : await freshPostgres(postgresUrl)
  const failedBefore = checks.failed
  try {
    await using cluster = await Cluster.start(folder, database?.url, createRandom(seed))
    for (let round = 0; round < ROUNDS; round++) await playRound(checks, cluster, round)
    const databaseUrl = database?.url ?? 'sqlite'
    const config = configSchema.parse({ dataDir: folder, databaseUrl, logLevel: 'silent' })
    await using context = await openContext(config, 'crash test')
    await checkStored(checks, context)
  } finally {
    await database?.drop()
    if (checks.failed === failedBefore) rmSync(folder, { recursive: true, force: true })
    else checks.note(`What was stored is in ${folder}`)
  }
}

async function playRound(checks: Checks, cluster: Cluster, round: number): Promise<void> {
  const before = cluster.acknowledged
  cluster.startWriting()
  await cluster.writesSince(before, WRITES_BETWEEN)
  await sleep(cluster.random.next() * 300)
  const dead = await cluster.killOne()
  if (cluster.servers.length > 1) {
    await cluster.writesSince(cluster.acknowledged, WRITES_BETWEEN)
    checks.that(`round ${round + 1}: the other server goes on`, true)
  }
  await cluster.revive(dead)
  await cluster.writesSince(cluster.acknowledged, 20)
  await cluster.stopWriting()
  for (const { url } of cluster.servers) await checkWriters(checks, url, cluster.writers)
}

/** The servers on one database, and their clients. */
class Cluster implements AsyncDisposable {
  readonly servers: ServerProcess[] = []
  readonly writers: readonly TrackingWriter[]
  readonly random: Random
  readonly #start: (index: number) => Promise<ServerProcess>
  #writing: Promise<void>[] = []
  #stopping = false

  private constructor(start: (index: number) => Promise<ServerProcess>, random: Random) {
    this.#start = start
    this.random = random
    this.writers = Array.from(
      { length: WRITERS },
      (_, index) =>
        new TrackingWriter(`w${index}`, createRandom(random.uint32()), () =>
          this.servers.map(({ url }) => url),
        ),
    )
  }

  static async start(folder: string, postgresUrl: string | undefined, random: Random): Promise<Cluster> {
    mkdirSync(folder, { recursive: true })
    const start = (): Promise<ServerProcess> =>
      startServerProcess((port) => tidemillServer(folder, postgresUrl, port))
    const cluster = new Cluster(start, random)
    // At once, on an empty database: both want to make its tables.
    const count = postgresUrl === undefined ? 1 : 2
    cluster.servers.push(...(await Promise.all(Array.from({ length: count }, start))))
    return cluster
  }

  get acknowledged(): number {
    return this.writers.reduce((sum, writer) => sum + writer.acknowledged, 0)
  }

  startWriting(): void {
    this.#stopping = false
    this.#writing = this.writers.map(async (writer) => {
      while (!this.#stopping) await writer.step()
    })
  }

  async stopWriting(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#writing)
  }

  async writesSince(before: number, count: number): Promise<void> {
    await until(`${count} writes`, () => (this.acknowledged - before >= count ? true : undefined))
  }

  /** Kills one server, whatever it does; which one, the seed decides. */
  async killOne(): Promise<number> {
    const index = randomInteger(this.random, this.servers.length)
    await this.servers[index]![Symbol.asyncDispose]()
    return index
  }

  async revive(index: number): Promise<void> {
    this.servers[index] = await this.#start(index)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopWriting()
    for (const server of this.servers) await server[Symbol.asyncDispose]()
  }
}
