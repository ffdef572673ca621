import type { Queryable, Trx } from '../ports/db/db.ts'
import type { SkewExample } from './schema.ts'
import type { SkewCountRow } from './tables.ts'

interface ExampleRow {
  key: Pick<SkewCountRow, 'project_id' | 'deployment' | 'model' | 'version' | 'start_ms' | 'feature'>
  feature: string
  text: string
  examples: SkewExample[]
}

/** Every count that has examples, an hour in memory at a time. */
export async function* listExamples(at: Queryable, projectId: string): AsyncIterable<ExampleRow> {
  for (let afterMs = -1; ;) {
    const next = await at
      .selectFrom('skew_count')
      .select(({ fn }) => fn.min('start_ms').as('start_ms'))
      .where('project_id', '=', projectId)
      .where('start_ms', '>', afterMs)
      .executeTakeFirst()
    if (next?.start_ms === null || next?.start_ms === undefined) return
    afterMs = next.start_ms
    const rows = await at
      .selectFrom('skew_count')
      .selectAll()
      .where('project_id', '=', projectId)
      .where('start_ms', '=', afterMs)
      .where('examples_json', '<>', '[]')
      .execute()
    for (const { project_id, deployment, model, version, start_ms, feature, examples_json } of rows)
      yield {
        key: { project_id, deployment, model, version, start_ms, feature },
        feature,
        text: examples_json,
        examples: JSON.parse(examples_json) as SkewExample[],
      }
  }
}

/** False when they were changed meanwhile. */
export async function updateExamples(
  trx: Trx,
  { key, text }: Pick<ExampleRow, 'key' | 'text'>,
  examples: readonly SkewExample[],
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('skew_count')
    .set({ examples_json: JSON.stringify(examples) })
    .where('project_id', '=', key.project_id)
    .where('deployment', '=', key.deployment)
    .where('model', '=', key.model)
    .where('version', '=', key.version)
    .where('start_ms', '=', key.start_ms)
    .where('feature', '=', key.feature)
    .where('examples_json', '=', text)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
