import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { checkRows, LEASE_MS, lostClaim, openClaim, type ClaimSteps } from './claim.ts'
import type { OnlineRead, OnlineRow, OnlineStats, OnlineStore, OnlineWrite } from './online.ts'
import { openOnlineFile } from './sqlite-file.ts'

const PIECE_ROWS = 500

/** Everything that is read comes at once. */
export interface OnlineSqlite extends OnlineStore {
  read(reads: readonly OnlineRead[]): (OnlineRow | undefined)[][]
  stats(view: string, beforeMs: number): OnlineStats
}

/** The online store of one machine: a SQLite file of its own, which several processes may use at once. */
export function openOnlineSqlite(path: string): OnlineSqlite {
  const database = openOnlineFile(path)
  const statements = prepare(database)
  const transaction = <Result>(work: () => Result): Result => {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }
  const store = { database, statements, transaction }
  const steps = claimSteps(store)
  return {
    read: (reads) => readAll(store, reads),
    async write(view, rows) {
      checkRows(rows)
      for (let start = 0; start < rows.length; start += PIECE_ROWS) {
        if (start > 0) await pause(0)
        transaction(() => {
          const { live, staged } = viewOf(store, view)
          put(statements.upsert, live, 1, rows.slice(start, start + PIECE_ROWS))
          if (staged !== null) put(statements.upsert, staged, 1, rows.slice(start, start + PIECE_ROWS))
        })
      }
    },
    claim: (view) => openClaim(steps, view),
    async marks(views) {
      return views.map((view) => marksOf(statements.view.get(view)?.[4]))
    },
    async erase(view, entityKeys) {
      transaction(() => {
        const { live, staged } = viewOf(store, view)
        statements.release.run(view)
        for (const key of entityKeys) {
          statements.deleteRow.run(live, key)
          if (staged !== null) statements.deleteRow.run(staged, key)
        }
      })
    },
    async drop(view) {
      transaction(() => statements.deleteView.run(view))
      await sweep(store)
    },
    stats(view, beforeMs) {
      const live = statements.view.get(view)?.[0] as number | undefined
      if (live === undefined) return { keys: 0, newestMs: null, older: 0 }
      const [keys] = statements.count.get(live) as [number]
      const [newestMs] = statements.newest.get(live) as [number | null]
      const [older] = statements.countOlder.get(live, beforeMs) as [number]
      return { keys, newestMs, older }
    },
    async [Symbol.asyncDispose]() {
      database.close()
    },
  }
}

interface Store {
  database: DatabaseSync
  statements: ReturnType<typeof prepare>
  transaction: <Result>(work: () => Result) => Result
}

function prepare(database: DatabaseSync) {
  const statement = (sql: string) => {
    const prepared = database.prepare(sql)
    prepared.setReturnArrays(true)
    return prepared as unknown as Statement
  }
  const insert = `
    INSERT INTO online_row (generation, entity_key, event_ms, created_ms, pushed, values_json) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (generation, entity_key) DO UPDATE SET event_ms = excluded.event_ms, created_ms = excluded.created_ms,
      pushed = excluded.pushed, values_json = excluded.values_json
    WHERE (excluded.event_ms, excluded.created_ms)`
  return {
    begin: statement('BEGIN'),
    commit: statement('COMMIT'),
    row: statement(
      'SELECT event_ms, created_ms, values_json FROM online_row WHERE generation = ? AND entity_key = ?',
    ),
    view: statement('SELECT live, staged, holder, held_until_ms, marks_json FROM online_view WHERE view = ?'),
    upsert: statement(`${insert} >= (online_row.event_ms, online_row.created_ms)`),
    upsertNewer: statement(`${insert} > (online_row.event_ms, online_row.created_ms)`),
    pushed: statement(`
      SELECT entity_key, event_ms, created_ms, values_json FROM online_row
      WHERE generation = ? AND pushed = 1 AND entity_key >= ? ORDER BY entity_key LIMIT ${PIECE_ROWS}`),
    count: statement('SELECT count(*) FROM online_row INDEXED BY online_row_by_time WHERE generation = ?'),
    newest: statement('SELECT max(event_ms) FROM online_row WHERE generation = ?'),
    countOlder: statement('SELECT count(*) FROM online_row WHERE generation = ? AND event_ms < ?'),
    insertGeneration: statement('INSERT INTO online_generation (view) VALUES (?) RETURNING id'),
    insertView: statement('INSERT INTO online_view (view, live) VALUES (?, ?)'),
    take: statement('UPDATE online_view SET holder = ?, held_until_ms = ?, staged = NULL WHERE view = ?'),
    extend: statement('UPDATE online_view SET held_until_ms = ? WHERE view = ?'),
    release: statement(
      'UPDATE online_view SET holder = NULL, held_until_ms = 0, staged = NULL WHERE view = ?',
    ),
    stage: statement('UPDATE online_view SET staged = ? WHERE view = ?'),
    swap: statement('UPDATE online_view SET live = staged, staged = NULL WHERE view = ?'),
    finish: statement('UPDATE online_view SET marks_json = ? WHERE view = ?'),
    garbage: statement(`
      SELECT id FROM online_generation WHERE NOT EXISTS
        (SELECT 1 FROM online_view WHERE view = online_generation.view AND id IN (live, staged))`),
    deletePiece: statement(`
      DELETE FROM online_row WHERE (generation, entity_key) IN
        (SELECT generation, entity_key FROM online_row WHERE generation = ? LIMIT ${PIECE_ROWS})`),
    deleteGeneration: statement('DELETE FROM online_generation WHERE id = ?'),
    deleteRow: statement('DELETE FROM online_row WHERE generation = ? AND entity_key = ?'),
    deleteView: statement('DELETE FROM online_view WHERE view = ?'),
  }
}

type Value = number | string | null

/** A prepared statement whose rows are arrays. */
interface Statement {
  get(...values: Value[]): Value[] | undefined
  all(...values: Value[]): Value[][]
  run(...values: Value[]): { changes: number | bigint }
}

/** In one transaction: the rows are of one moment, and none is looked for in a generation that is gone. */
function readAll({ statements }: Store, reads: readonly OnlineRead[]): (OnlineRow | undefined)[][] {
  const { begin, commit, view: findView, row: findRow } = statements
  begin.run()
  try {
    return reads.map(({ view, entityKeys }) => {
      const live = findView.get(view)?.[0] ?? -1
      return entityKeys.map((key) => {
        const row = key === undefined ? undefined : findRow.get(live, key)
        return row && toRow(row as [number, number, string])
      })
    })
  } finally {
    commit.run()
  }
}

function toRow([eventMs, createdMs, values]: [number, number, string]): OnlineRow {
  return { eventMs, createdMs, values: JSON.parse(values) as OnlineRow['values'] }
}

function put(statement: Statement, generation: number, pushed: 0 | 1, rows: readonly OnlineWrite[]): void {
  for (const { entityKey, eventMs, createdMs, values } of rows) {
    statement.run(generation, entityKey, eventMs, createdMs, pushed, JSON.stringify(values))
  }
}

interface ViewState {
  live: number
  staged: number | null
  holder: string | null
  heldUntilMs: number
  marks: string[]
}

/** Inside of a transaction. */
function viewOf({ statements }: Store, view: string): ViewState {
  const found = statements.view.get(view)
  if (found !== undefined) {
    const [live, staged, holder, heldUntilMs, marks] = found as [
      number,
      number | null,
      string | null,
      number,
      string,
    ]
    return { live, staged, holder, heldUntilMs, marks: marksOf(marks) }
  }
  const [live] = statements.insertGeneration.get(view) as [number]
  statements.insertView.run(view, live)
  return { live, staged: null, holder: null, heldUntilMs: 0, marks: [] }
}

function marksOf(json: Value | undefined): string[] {
  return json === undefined ? [] : (JSON.parse(json as string) as string[])
}

function claimSteps(store: Store): ClaimSteps {
  const { statements, transaction } = store
  const asHolder = async <Result>(
    view: string,
    holder: string,
    work: (state: ViewState) => Result,
  ): Promise<Result> =>
    transaction(() => {
      const state = viewOf(store, view)
      if (state.holder !== holder) throw lostClaim(view)
      return work(state)
    })
  return {
    pieceRows: PIECE_ROWS,
    async take(view, holder) {
      const now = Date.now()
      return transaction(() => {
        const { holder: other, heldUntilMs, marks } = viewOf(store, view)
        if (other !== null && heldUntilMs > now) return undefined
        statements.take.run(holder, now + LEASE_MS, view)
        return marks
      })
    },
    extend: (view, holder) =>
      asHolder(view, holder, () => void statements.extend.run(Date.now() + LEASE_MS, view)),
    async write(view, holder, rows) {
      await asHolder(view, holder, ({ live }) => put(statements.upsert, live, 0, rows))
      await pause(0)
    },
    stage: (view, holder) =>
      asHolder(view, holder, () => {
        const [id] = statements.insertGeneration.get(view) as [number]
        statements.stage.run(id, view)
        return String(id)
      }),
    async writeStaged(view, holder, stage, rows) {
      await asHolder(view, holder, () => put(statements.upsert, Number(stage), 0, rows))
      await pause(0)
    },
    carry: (view, holder, stage, after) =>
      asHolder(view, holder, ({ live }) => {
        const rows = statements.pushed.all(live, after ?? '') as [string, number, number, string][]
        for (const [key, eventMs, createdMs, values] of rows) {
          statements.upsertNewer.run(Number(stage), key, eventMs, createdMs, 1, values)
        }
        // The least text after the last key.
        return rows.length < PIECE_ROWS ? null : `${rows.at(-1)![0]}\0`
      }),
    swap: (view, holder) => asHolder(view, holder, () => void statements.swap.run(view)),
    finish: (view, holder, mark) =>
      asHolder(view, holder, ({ marks }) => {
        statements.finish.run(JSON.stringify([mark, ...marks].slice(0, 2)), view)
      }),
    async release(view, holder) {
      transaction(() => {
        if (viewOf(store, view).holder === holder) statements.release.run(view)
      })
      await sweep(store)
    },
  }
}

/** Deletes the rows of generations that no view shows or fills. */
async function sweep({ statements }: Store): Promise<void> {
  for (const [id] of statements.garbage.all() as [number][]) {
    while (statements.deletePiece.run(id).changes > 0) await pause(0)
    statements.deleteGeneration.run(id)
  }
}
