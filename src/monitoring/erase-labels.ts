import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { condemnAtOnce, recordBlob } from '../ports/artifacts/blobs.ts'
import { feedbackOn, type LoggedPrediction } from '../prediction-log/prediction-log.ts'
import { addErasedRows } from '../privacy/privacy.ts'
import type { ArrivedLabel } from './label-match.ts'
import { toArrived } from './pending-label.ts'
import { deletePendingLabels, listPendingLabels, lockCounts } from './store-labels.ts'
import { deleteHealthCells, listJoined, updateJoined } from './store-erasure.ts'

/**
 * Takes the labels of predictions out of what was joined with them and of what waits for them, and a person's keys out of the hourly
 * counts of feeds. Counts over bins name nobody and stay. Running again finds what is left.
 */
export async function eraseLabels(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>,
  input: {
    projectId: string
    erasureId: string
    predictions: readonly LoggedPrediction[]
    values: readonly string[]
    others: readonly string[]
  },
): Promise<void> {
  const { db } = context
  const { projectId, erasureId, predictions, values, others } = input
  const predictionIds = predictions.map(({ predictionId }) => predictionId)
  const isOn = feedbackOn(predictions)
  const isErased = ({ predictionId, requestId, rowIndex }: ArrivedLabel): boolean =>
    isOn({ prediction_id: predictionId, request_id: requestId, row_index: rowIndex })
  const counted = { erasure_id: erasureId, project_id: projectId, name: 'labels' }
  await db.write(async (trx) => {
    // Joins and counts under way that have read the rows end before this, and what they wrote is found below; later ones look again.
    await lockCounts(trx, projectId)
    const waiting = (await listPendingLabels(trx, projectId)).map(toArrived).filter(isErased)
    await deletePendingLabels(trx, { projectId, feedbackIds: waiting.map(({ feedbackId }) => feedbackId) })
    if (waiting.length > 0)
      await addErasedRows(trx, { ...counted, place: 'waiting labels', rows: waiting.length })
    let cells = 0
    for (const value of values) cells += await deleteHealthCells(trx, { projectId, value, others })
    if (cells > 0)
      await addErasedRows(trx, { ...counted, place: 'counts of feeds', name: 'hours', rows: cells })
  })
  for (const { parquet_sha256 } of predictionIds.length === 0 ? [] : await listJoined(db.read, projectId))
    await rewriteJoined(context, parquet_sha256, { projectId, erasureId, predictionIds })
}

async function rewriteJoined(
  { db, artifacts, analytics, clock }: Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>,
  before: string,
  {
    projectId,
    erasureId,
    predictionIds,
  }: { projectId: string; erasureId: string; predictionIds: readonly string[] },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-erase-'))
  try {
    await using session = await analytics.session({ threads: 1 })
    await session.execute(
      'CREATE TEMP TABLE erased AS SELECT unnest(from_json(?::JSON, \'["VARCHAR"]\')) AS id',
      [JSON.stringify(predictionIds)],
    )
    const source = `read_parquet(${quoteLiteral(await artifacts.localPath(before))})`
    const isErased = 'predictionId IN (SELECT id FROM erased) OR answeredId IN (SELECT id FROM erased)'
    const [row] = await session.query(`SELECT count(*) AS n FROM ${source} WHERE ${isErased}`)
    const rows = Number(row!['n'])
    if (rows === 0) return
    const path = join(folder, 'joined.parquet')
    await session.execute(
      `COPY (SELECT * FROM ${source} WHERE NOT coalesce(${isErased}, false) ORDER BY predictionId) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    const blob = await artifacts.putFile(path)
    await db.write(async (trx) => {
      await updateJoined(trx, { before, after: blob.sha256 })
      await recordBlob(trx, { projectId, blob, nowMs: clock.now() })
      await condemnAtOnce(trx, [before])
      const counted = { erasure_id: erasureId, project_id: projectId, name: 'labels', rows }
      await addErasedRows(trx, { ...counted, place: 'joined labels' })
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
