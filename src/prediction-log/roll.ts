import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { storeFeedback, storePredictions } from './parquet.ts'
import { readFeedbackSegment, readPredictionSegment } from './segment-content.ts'
import { findSegment, markRolled } from './store.ts'

type RollContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>

/** Turns a closed segment into Parquet and says so in an event. Doing it again changes nothing. */
export async function rollSegment(
  context: RollContext,
  job: Pick<Job, 'id' | 'attempt'>,
  { segmentId }: { segmentId: string },
): Promise<void> {
  const { db, artifacts, clock } = context
  const segment = await findSegment(db.read, segmentId)
  if (segment === undefined) throw new AppError('not_found', `There is no segment ${segmentId}`)
  if (segment.state === 'rolled') return
  const bytes = await artifacts.bytes(segment.sha256)
  const blob =
    segment.kind === 'prediction'
      ? await storePredictions(context, readPredictionSegment(bytes))
      : await storeFeedback(context, readFeedbackSegment(bytes))
  const nowMs = clock.now()
  const { project_id: projectId, kind } = segment
  await db.write(async (trx) => {
    await fence(trx, job)
    const { sha256 } = segment
    if (!(await markRolled(trx, { segmentId, sha256, parquetSha256: blob.sha256, nowMs }))) {
      if ((await findSegment(trx, segmentId))?.state === 'rolled') return
      throw new AppError('conflict', `Rows were taken out of segment ${segmentId} meanwhile`)
    }
    await recordBlob(trx, { projectId, blob, nowMs })
    await appendEvent(trx, { projectId, kind: 'segment.rolled', payload: { segmentId, kind }, atMs: nowMs })
  })
}
