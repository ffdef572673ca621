import { connect, createServer, type AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freshPostgres } from '../../../test/databases.ts'
import type { Db } from './db.ts'
import { openPostgres } from './postgres.ts'
import { together } from './together.ts'

const server = process.env['DB_POSTGRES_URL']

async function open(): Promise<Db> {
  const database = await freshPostgres(server!)
  const db = openPostgres(database.url)
  onTestFinished(async () => {
    await db[Symbol.asyncDispose]()
    await database.drop()
  })
  await db.write((trx) => sql`CREATE TABLE word (text TEXT PRIMARY KEY)`.execute(trx))
  return db
}

/** A way to the database on which no answer comes back between these two texts of the client. */
async function openHeldBack(from: string, until: string): Promise<Db> {
  const database = await freshPostgres(server!)
  const { hostname, port } = new URL(database.url)
  const proxy = createServer((client) => {
    const postgres = connect(Number(port), hostname)
    client.on('data', (sent) => {
      if (sent.includes(from)) postgres.pause()
      if (sent.includes(until)) postgres.resume()
      postgres.write(sent)
    })
    postgres.on('data', (answer) => client.write(answer))
    for (const socket of [client, postgres]) {
      socket.on('error', () => {})
      socket.on('close', () => (socket === client ? postgres : client).destroy())
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = new URL(database.url)
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const db = openPostgres(url.href)
  onTestFinished(async () => {
    await db[Symbol.asyncDispose]()
    proxy.close()
    await database.drop()
  })
  return db
}

async function words(db: Db): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`SELECT text FROM word ORDER BY text`.execute(db.read)
  return rows.map(({ text }) => text)
}

describe.runIf(server)('a connection to PostgreSQL', () => {
  it('writes nothing of a transaction that throws, also when its first statement fails', async () => {
    const db = await open()
    await expect(db.write((trx) => sql`INSERT INTO nothing VALUES (1)`.execute(trx))).rejects.toThrow(
      'nothing',
    )
    await expect(
      db.write(async (trx) => {
        await sql`INSERT INTO word VALUES ('half')`.execute(trx)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await words(db)).toEqual([])
  })

  it('refuses to commit what a statement that failed has aborted, and goes on with the connection', async () => {
    const db = await open()
    await expect(
      db.write(async (trx) => {
        await sql`INSERT INTO word VALUES ('lost')`.execute(trx)
        await sql`INSERT INTO nothing VALUES (1)`.execute(trx).catch(() => {})
      }),
    ).rejects.toThrow()
    await expect(
      db.write(
        async (trx) => {
          await sql`INSERT INTO word VALUES ('lost')`.execute(trx)
          await sql`INSERT INTO nothing VALUES (1)`.execute(trx).catch(() => {})
        },
        { tells: () => false },
      ),
    ).rejects.toThrow()
    await db.write((trx) => sql`INSERT INTO word VALUES ('kept')`.execute(trx))
    expect(await words(db)).toEqual(['kept'])
  })

  it('begins with the first statement, and sends those that belong together before any of them is answered', async () => {
    const db = await openHeldBack('BEGIN', "'third'")
    const [first, second, third] = await db.write(async (trx) => {
      const of = async (text: string): Promise<string> => {
        const { rows } = await sql<{ text: string }>`SELECT ${sql.lit(text)} AS text`.execute(trx)
        return rows[0]!.text
      }
      return await together(of('first'), of('second'), of('third'))
    })
    expect([first, second, third]).toEqual(['first', 'second', 'third'])
  })

  it('prepares a statement for all connections, and reads with other types of values after it', async () => {
    const db = await open()
    const texts = Array.from({ length: 40 }, (_, index) => `word ${String(index).padStart(2, '0')}`)
    await Promise.all(
      texts.map((text) => db.write((trx) => sql`INSERT INTO word VALUES (${text})`.execute(trx))),
    )
    expect(await words(db)).toEqual(texts)
  })
})
