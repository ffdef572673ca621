import type { Context } from '../http/context.ts'
import type { Queryable } from '../ports/db/db.ts'
import { addErasedRows, heldKeys, keyedHash, listErasedKeys } from '../privacy/privacy.ts'
import type { SkewExample } from './schema.ts'
import { listExamples, updateExamples } from './store-examples.ts'

/** Takes examples about a person out of the counts, which name nobody and stay. Running again finds what is left. */
export async function eraseExamples(
  { db }: Pick<Context, 'db'>,
  input: {
    projectId: string
    erasureId: string
    predictionIds: readonly string[]
    /** The key as requests name it, and as it may be logged, in this field. */
    column: string
    values: readonly string[]
  },
): Promise<void> {
  const { projectId, erasureId, column, values } = input
  const predictions = new Set(input.predictionIds)
  const isAbout = ({ predictionId, inputs }: SkewExample): boolean =>
    predictions.has(predictionId) || values.includes(String(inputs[column]))
  for await (const row of listExamples(db.read, projectId)) {
    const kept = row.examples.filter((example) => !isAbout(example))
    const rows = row.examples.length - kept.length
    if (rows === 0) continue
    await db.write(async (trx) => {
      if (!(await updateExamples(trx, row, kept))) return
      const count = { erasure_id: erasureId, project_id: projectId, place: 'examples of skew' }
      await addErasedRows(trx, { ...count, name: row.feature, rows })
    })
  }
}

/** Whether an example names somebody who was erased: a check that was under way then has the rows still. */
export async function erasedExamples(
  { config }: Pick<Context, 'config'>,
  at: Queryable,
  projectId: string,
): Promise<(example: SkewExample) => boolean> {
  const erased = await listErasedKeys(at, projectId)
  if (erased.length === 0) return () => false
  const keys = new Map(heldKeys(config, projectId).map((key) => [key.id, key]))
  return ({ inputs }) =>
    erased.some(({ key_column, key_hash, key_id }) => {
      const value = inputs[key_column] ?? null
      const key = keys.get(key_id)
      if (value === null) return false
      return value === key_hash || (key !== undefined && keyedHash(key, String(value)) === key_hash)
    })
}
