import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { wordsOf } from '../kernel/words.ts'
import type { Run } from './schema.ts'
import { toRun } from './store.ts'
import { listRunsByIdStart, searchRunsByWords } from './store-words.ts'

const ID_START = /^[0-9a-f]{6,32}$/
const MAX_TERMS = 6

/**
 * Active runs that a text finds: by the beginning of their id; by all the words of their name; then by the beginnings of words in their name,
 * description, user, source, commit and tags. The newest first in each. Words that more than 2,000 runs have are looked for among the newest 20,000.
 */
export async function findRuns(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, text, limit }: Caller & { text: string; limit: number },
): Promise<Run[]> {
  requirePermission(actor, 'view', projectId)
  const terms = wordsOf(text, MAX_TERMS)
  if (terms.length === 0) return []
  const found = new Map<string, Run>()
  const start = text.trim().toLowerCase()
  if (ID_START.test(start))
    for (const row of await listRunsByIdStart(db.read, { projectId, start, limit }))
      found.set(row.id, toRun(row))
  for (const exactName of [true, false]) {
    if (found.size >= limit) break
    const rows = await searchRunsByWords(db.read, { projectId, terms, exactName, limit })
    for (const row of rows) if (!found.has(row.id)) found.set(row.id, toRun(row))
  }
  return [...found.values()].slice(0, limit)
}
