import { finishPurged, isPurging } from '../erasure/erasure.ts'
import type { Context } from '../http/context.ts'
import { purgeCondemned } from '../ports/artifacts/blobs.ts'
import { listReferencedBlobs } from './gc.ts'

/** Deletes the files of rows that were erased, and ends the erasures that waited for it. */
export async function purgeErased(context: Pick<Context, 'db' | 'artifacts' | 'clock'>): Promise<void> {
  if (!(await isPurging(context))) return
  await purgeCondemned(context, { listReferenced: () => listReferencedBlobs(context.db.read) })
  await finishPurged(context)
}
