import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Db, Trx } from './db.ts'
import { openSqlite } from './sqlite.ts'

let folder: string
let db: Db

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  db = openSqlite(join(folder, 'metadata.db'))
  await db.write((trx) => sql`CREATE TABLE word (text TEXT PRIMARY KEY)`.execute(trx))
})

afterEach(async () => {
  await db[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function insert(trx: Trx, text: string): Promise<void> {
  await sql`INSERT INTO word (text) VALUES (${text})`.execute(trx)
}

async function words(at: Db['read'] = db.read): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`SELECT text FROM word ORDER BY text`.execute(at)
  return rows.map(({ text }) => text)
}

it('puts writes that wait at the same time into one transaction, in order', async () => {
  const seen: string[][] = []
  const transactions = new Set<Trx>()
  await Promise.all(
    ['a', 'b', 'c'].map((text) =>
      db.write(async (trx) => {
        transactions.add(trx)
        await insert(trx, text)
        seen.push(await words(trx))
      }),
    ),
  )
  expect(seen).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c']])
  expect(transactions.size).toBe(1)
})

it('answers each write when it is committed', async () => {
  const found = await Promise.all(
    ['a', 'b', 'c'].map(async (text) => {
      await db.write((trx) => insert(trx, text))
      return await words()
    }),
  )
  for (const [index, text] of ['a', 'b', 'c'].entries()) expect(found[index]).toContain(text)
})

it('undoes what a write that throws has written, and nothing else', async () => {
  const outcomes = await Promise.allSettled([
    db.write((trx) => insert(trx, 'before')),
    db.write(async (trx) => {
      await insert(trx, 'half')
      throw new Error('no')
    }),
    db.write(async (trx) => {
      await insert(trx, 'half too')
      await insert(trx, 'before')
    }),
    db.write((trx) => insert(trx, 'after')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(await words()).toEqual(['after', 'before'])
})

it('refuses all of a transaction that the database has ended, and goes on', async () => {
  const outcomes = await Promise.allSettled([
    db.write((trx) => insert(trx, 'lost')),
    db.write(async (trx) => {
      await sql`ROLLBACK`.execute(trx)
      throw new Error('the disk is full')
    }),
    db.write((trx) => insert(trx, 'lost too')),
  ])
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual(
    Array.from({ length: 3 }, () => 'Error: the disk is full'),
  )
  await db.write((trx) => insert(trx, 'next'))
  expect(await words()).toEqual(['next'])
})

it('commits more writes than fit into one transaction, and those asked for before it is closed', async () => {
  const all = Array.from({ length: 200 }, (_, index) => String(index).padStart(3, '0'))
  const written = Promise.all(all.map((text) => db.write((trx) => insert(trx, text))))
  await db[Symbol.asyncDispose]()
  await written
  db = openSqlite(join(folder, 'metadata.db'))
  expect(await words()).toEqual(all)
})
