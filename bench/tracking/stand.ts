import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshPostgres } from '../../test/databases.ts'
import { fill } from './fill.ts'
import { startServer, type ServerName, type Store, type TrackingServer } from './servers.ts'

/** The servers that are measured on one kind of database, with the same runs in each. */
export class Stand implements AsyncDisposable {
  readonly names: readonly ServerName[]
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  readonly #stores = new Map<ServerName, Store>()
  readonly #servers = new Map<ServerName, TrackingServer>()
  readonly #drops: (() => Promise<void>)[] = []

  private constructor(names: readonly ServerName[]) {
    this.names = names
  }

  static async open(
    names: readonly ServerName[],
    postgresUrl: string | undefined,
    amount: { runs: number; points: number },
  ): Promise<Stand> {
    const stand = new Stand(names)
    for (const name of names) {
      const store = await stand.#store(name, postgresUrl)
      // The first start makes the tables.
      await (await startServer(name, store))[Symbol.asyncDispose]()
      await fill(name, store, amount)
      await stand.restart(name)
    }
    return stand
  }

  async #store(name: ServerName, postgresUrl: string | undefined): Promise<Store> {
    const folder = join(this.folder, name)
    mkdirSync(folder)
    const database = postgresUrl === undefined ? undefined : await freshPostgres(postgresUrl)
    if (database) this.#drops.push(() => database.drop())
    const store = { folder, postgresUrl: database?.url }
    this.#stores.set(name, store)
    return store
  }

  server(name: ServerName): TrackingServer {
    return this.#servers.get(name)!
  }

  /** Ends the server, whatever it does, and starts it again. */
  async restart(name: ServerName): Promise<TrackingServer> {
    await this.#servers.get(name)?.[Symbol.asyncDispose]()
    const server = await startServer(name, this.#stores.get(name)!)
    this.#servers.set(name, server)
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.values()) await server[Symbol.asyncDispose]()
    for (const drop of this.#drops) await drop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
