import { appendEvent } from '../jobs/events.ts'
import type { Context } from '../http/context.ts'
import type { Actor } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { compareSchemas } from '../sources/sources.ts'
import type { Column, SchemaChange } from '../sources/schema.ts'
import type { IngestPlan } from './plan.ts'
import type { DatasetChange } from './schema.ts'
import { insertChange, listChangeRows } from './store-sources.ts'
import { getDataset } from '../data/data.ts'

const SHOWN_NAMES = 20

interface Items {
  added: DatasetChange['added']
  changed: DatasetChange['added']
  removed: DatasetChange['added']
}

/** Stores what changed at a source and tells of it. `columns` are those of the next version, or of what was refused. */
export async function recordChange(
  { clock, ids }: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  actor: Actor,
  plan: IngestPlan,
  outcome: {
    columns: readonly Column[]
    versionId: string | null
    reportId: string
    rows: number
    lateRows: number
  },
): Promise<void> {
  const { dataset, parent, source } = plan
  const { versionId, reportId, rows, lateRows, columns } = outcome
  const items = compareItems(plan)
  const schemaChange = parent ? compareSchemas(parent.schema, columns) : null
  const id = ids.uuid()
  const now = clock.now()
  await insertChange(trx, {
    id,
    project_id: dataset.projectId,
    dataset_id: dataset.id,
    kind: 'changed',
    actor_id: actor.id,
    actor_name: actor.name,
    cursor_before: source.cursorBefore,
    cursor_after: source.cursorAfter,
    items_json: canonicalJson(items),
    schema_change_json: schemaChange && canonicalJson(schemaChange),
    version_id: versionId,
    report_id: reportId,
    rows,
    late_rows: lateRows,
    error: null,
    times: 1,
    created_ms: now,
    updated_ms: now,
  })
  await appendEvent(trx, {
    projectId: dataset.projectId,
    kind: 'source.changed',
    payload: {
      datasetId: dataset.id,
      name: dataset.name,
      changeId: id,
      added: items.added.count,
      changed: items.changed.count,
      removed: items.removed.count,
      schemaChange: schemaChange?.kind ?? null,
      lateRows,
      versionId,
    },
    atMs: now,
  })
}

function compareItems({ parentManifest, items, source }: IngestPlan): Items {
  const before = new Map(parentManifest?.parts.map((part) => [part.source.path, part.source.sha256]))
  const present = new Set(items.map(({ path }) => path))
  const isNew = ({ path }: { path: string }): boolean => source.isIncrement || !before.has(path)
  return {
    added: named(items.filter(isNew)),
    changed: named(items.filter((item) => !isNew(item) && before.get(item.path) !== item.sha256)),
    removed: named(
      source.isIncrement
        ? []
        : [...before.keys()].filter((path) => !present.has(path)).map((path) => ({ path })),
    ),
  }
}

function named(items: readonly { path: string }[]): DatasetChange['added'] {
  return { count: items.length, names: items.slice(0, SHOWN_NAMES).map(({ path }) => path) }
}

/** What happened at a dataset's source, newest first. `before` continues below a change. */
export async function listChanges(
  { db }: Pick<Context, 'db'>,
  input: { projectId: string; dataset: string; limit: number; before?: string | undefined },
): Promise<DatasetChange[]> {
  const dataset = await getDataset({ db }, { projectId: input.projectId, name: input.dataset })
  const rows = await listChangeRows(db.read, dataset.id, input)
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    times: row.times,
    actor: row.actor_name,
    cursorBefore: row.cursor_before,
    cursorAfter: row.cursor_after,
    ...(JSON.parse(row.items_json) as Items),
    schemaChange:
      row.schema_change_json === null ? null : (JSON.parse(row.schema_change_json) as SchemaChange),
    rows: row.rows,
    lateRows: row.late_rows,
    version: row.version,
    reportId: row.report_id,
    sentence: row.error ?? row.report_sentence ?? '',
  }))
}
