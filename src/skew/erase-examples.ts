import type { Context } from '../http/context.ts'
import { addErasedRows } from '../privacy/privacy.ts'
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
