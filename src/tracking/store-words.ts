import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { together } from '../ports/db/together.ts'
import { TAGS, type Tag } from './schema.ts'
import type { RunRow } from './tables.ts'
import { isFoundBy, wordsOfTags } from './words.ts'

/** Follows every word in the order of code points. */
const LAST = '\u{10ffff}'
/** Up to here the runs that have a word are looked at one by one; a word of more runs is looked for among the newest. */
const FEW = 2000
const NEWEST = 20_000

interface Owner {
  runId: string
  projectId: string
}

export async function insertTagWords(
  trx: Trx,
  { runId, projectId }: Owner,
  tags: readonly Tag[],
): Promise<void> {
  const words = wordsOfTags(tags)
  if (words.length === 0) return
  await trx
    .insertInto('run_word')
    .values(words.map(({ key, word }) => ({ run_id: runId, key, word, project_id: projectId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** What tags say now instead of what they said. */
export async function replaceTagWords(trx: Trx, owner: Owner, tags: readonly Tag[]): Promise<void> {
  const keys = tags.map(({ key }) => key)
  await together(deleteTagWords(trx, owner.runId, keys), insertTagWords(trx, owner, tags))
}

export async function deleteTagWords(trx: Trx, runId: string, keys: readonly string[]): Promise<void> {
  const found = keys.filter(isFoundBy)
  if (found.length === 0) return
  await trx.deleteFrom('run_word').where('run_id', '=', runId).where('key', 'in', found).execute()
}

export interface WordSearch {
  projectId: string
  /** Beginnings of words, all of which a run must have. */
  terms: readonly string[]
  /** Whole words of its name instead. */
  exactName?: boolean
  limit: number
}

/** Active runs that have all the words, the newest first. */
export async function searchRunsByWords(at: Queryable, search: WordSearch): Promise<RunRow[]> {
  const counts = await Promise.all(search.terms.map((term) => countWord(at, search, term)))
  const fewest = counts.indexOf(Math.min(...counts))
  const rarest = search.terms[fewest]
  if (rarest === undefined || counts[fewest] === 0) return []
  const others = search.terms.filter((_, index) => index !== fewest)
  const { projectId, limit } = search
  if (counts[fewest]! <= FEW) {
    // A cross join keeps SQLite from walking all runs in their order and asking of each whether it is one of the few.
    const { rows } = await sql<RunRow>`
      select r.* from (select distinct w.run_id from run_word w where ${has(search, rarest)}) found cross join run r
      where r.id = found.run_id and r.project_id = ${projectId} and r.lifecycle = 'active'${having(search, others)}
      order by r.start_ms desc, r.id desc limit ${limit}`.execute(at)
    return rows
  }
  const { rows } = await sql<RunRow>`
    select r.* from run r where r.project_id = ${projectId} and r.lifecycle = 'active'
      and r.start_ms >= ${await startOfNewest(at, projectId)}${having(search, search.terms)}
    order by r.start_ms desc, r.id desc limit ${limit}`.execute(at)
  return rows
}

/** When the oldest of the newest runs started: a search for words of many runs reads no further back. */
async function startOfNewest(at: Queryable, projectId: string): Promise<number> {
  const { rows } = await sql<{ start_ms: number }>`
    select start_ms from run where project_id = ${projectId} and lifecycle = 'active'
    order by start_ms desc limit 1 offset ${NEWEST}`.execute(at)
  return rows[0]?.start_ms ?? 0
}

/** Active runs whose id begins with these hex digits; `g` follows them in every collation. */
export async function listRunsByIdStart(
  at: Queryable,
  { projectId, start, limit }: { projectId: string; start: string; limit: number },
): Promise<RunRow[]> {
  return await at
    .selectFrom('run')
    .selectAll()
    .where('id', '>=', start)
    .where('id', '<', `${start}g`)
    .where('project_id', '=', projectId)
    .where('lifecycle', '=', 'active')
    .orderBy('id')
    .limit(limit)
    .execute()
}

async function countWord(at: Queryable, search: WordSearch, term: string): Promise<number> {
  const { rows } = await sql<{ found: number }>`
    select count(*) as found from (select 1 as one from run_word w where ${has(search, term)} limit ${FEW + 1}) words`.execute(
    at,
  )
  return rows[0]?.found ?? 0
}

function has({ projectId, exactName }: WordSearch, term: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`w.project_id = ${projectId} and ${matches(exactName, term)}`
}

function matches(exactName: boolean | undefined, term: string): RawBuilder<SqlBool> {
  return exactName
    ? sql<SqlBool>`w.word = ${term} and w.key = ${TAGS.runName}`
    : sql<SqlBool>`w.word >= ${term} and w.word < ${term + LAST}`
}

function having({ exactName }: WordSearch, terms: readonly string[]): RawBuilder<unknown> {
  const conditions = terms.map(
    (term) =>
      sql` and exists (select 1 from run_word w where w.run_id = r.id and ${matches(exactName, term)})`,
  )
  return sql.join(conditions, sql``)
}
