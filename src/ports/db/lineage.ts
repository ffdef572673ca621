import { sql } from 'kysely'
import type { Queryable } from './db.ts'
import type { LineageKind } from './lineage-kinds.ts'

export interface LineageNode {
  kind: LineageKind
  id: string
}

/** What a room says about a node of its own. */
export interface LineageFacts extends LineageNode {
  title: string
  detail?: string
  atMs?: number
  /** Its page in the UI, when it has one. */
  href?: string
}

interface LineageAsk {
  projectId: string
  /** Which end the ids are: `from` asks what came of them, `to` where they came from. */
  side: 'from' | 'to'
  ids: readonly string[]
  limit: number
}

interface LineagePair {
  from: string
  to: string
  label: string
}

/** Edges of one kind, read in either direction by an index. `from` was there first; `to` came of it. */
export interface LineageRelation {
  from: LineageKind
  to: LineageKind
  /** Left out of an answer where a longer way says the same with more detail. */
  shortcut: boolean
  /** `to` only records `from`: left out of an answer unless something else came of it or went into it. */
  record: boolean
  pairs(at: Queryable, ask: LineageAsk): Promise<LineagePair[]>
}

/** What a room contributes: edges, and facts of the nodes that it knows; ids that it does not know are left out. */
export interface RoomLineage {
  relations: readonly LineageRelation[]
  facts: Partial<
    Record<
      LineageKind,
      (at: Queryable, projectId: string, ids: readonly string[]) => Promise<Omit<LineageFacts, 'kind'>[]>
    >
  >
}

/**
 * A relation that is two columns (or expressions) of rows. All of it is SQL text written in the program; `t` names the table whose
 * `project_id` counts. Where one join cannot serve both directions by an index, `source` has one for each side.
 */
export function columnRelation(declaration: {
  from: LineageKind
  to: LineageKind
  source: string | Record<LineageAsk['side'], string>
  columns: { from: string; to: string }
  where?: string
  label: string | { column: string }
  shortcut?: true
  record?: true
}): LineageRelation {
  const { from, to, source, columns, where, label, shortcut = false, record = false } = declaration
  const labelled = typeof label === 'string' ? sql.lit(label) : sql.raw(label.column)
  return {
    from,
    to,
    shortcut,
    record,
    async pairs(at, { projectId, side, ids, limit }) {
      if (ids.length === 0) return []
      // The project is checked on what an index of ids has found; SQLite must not take an index of the project instead.
      const { rows } = await sql<LineagePair>`
        select distinct ${sql.raw(columns.from)} as "from", ${sql.raw(columns.to)} as "to", ${labelled} as label
        from ${sql.raw(typeof source === 'string' ? source : source[side])}
        where ${sql.raw(columns[side])} in (${sql.join(ids)}) and t.project_id || '' = ${projectId}
          and ${sql.raw(columns[side === 'from' ? 'to' : 'from'])} is not null
          ${sql.raw(where === undefined ? '' : `and ${where}`)}
        order by 1, 2 limit ${limit}`.execute(at)
      return rows
    },
  }
}
