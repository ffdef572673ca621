import { listRunParams, streamRunPoints } from '../tracking/tracking.ts'
import { paramsChecksum } from './runs.ts'
import { note, type Session } from './session.ts'
import { PointsChecksum } from './source-values.ts'
import { countObjectsInState, listObjectsInState } from './store.ts'

const RUNS_AT_ONCE = 200

/** Reads params and histories back and compares their counts and checksums with what the source gave. */
export async function verifyRuns(session: Session): Promise<{ runs: number; differences: string[] }> {
  const { context, sourceId, caller, progress } = session
  const differences: string[] = []
  let runs = 0
  let after = ''
  const written = { sourceId, kind: 'run', state: 'written' } as const
  // Those that an earlier import wrote before it was stopped are among them.
  progress.begin('verified runs', await countObjectsInState(context.db.read, written))
  for (;;) {
    const page = await listObjectsInState(context.db.read, {
      ...written,
      after,
      limit: RUNS_AT_ONCE,
    })
    if (page.length === 0) return { runs, differences }
    const runIds = page.map(({ key }) => key)
    const params = await listRunParams(context, { ...caller, runIds })
    const points = new Map(runIds.map((id) => [id, new PointsChecksum()]))
    for await (const { runId, ...point } of streamRunPoints(context, { ...caller, runIds }))
      points.get(runId)!.add(point)
    const equal = page.filter(({ key, checksum }) => {
      const here = `${paramsChecksum(params.get(key) ?? [])} ${points.get(key)!.toString()}`
      if (here !== checksum) differences.push(`run ${key}: the source gave ${checksum}, here is ${here}`)
      return here === checksum
    })
    await context.db.write((trx) =>
      note(
        session,
        trx,
        equal.map(({ kind, key, target, fingerprint, checksum }) => ({
          kind,
          key,
          target,
          fingerprint,
          checksum,
          state: 'verified' as const,
        })),
      ),
    )
    runs += equal.length
    progress.add(page.length)
    after = runIds.at(-1)!
  }
}
