import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { readCurve } from '../tracking/tracking.ts'
import type { RunCurve } from './schema.ts'

export const MAX_CURVES = 100
/** What a picture of many curves can still show. */
const MAX_POINTS = 60_000

/** One metric of several runs, each thinned so that no peak is lost and all together are no more than a picture can show. */
export async function readCurves(
  context: Pick<Context, 'db'>,
  { runIds, points, ...input }: Caller & { runIds: readonly string[]; key: string; points: number },
): Promise<RunCurve[]> {
  if (runIds.length > MAX_CURVES)
    throw new AppError('invalid', `At most ${MAX_CURVES} curves are read at once, not ${runIds.length}`)
  const each = Math.max(50, Math.min(points, Math.floor(MAX_POINTS / Math.max(1, runIds.length))))
  const curves: RunCurve[] = []
  for (const runId of runIds)
    curves.push({ runId, ...(await readCurve(context, { ...input, runId, points: each })) })
  return curves
}
