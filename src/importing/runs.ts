import { hashJson } from '../kernel/json.ts'
import type { Metric, Param } from '../tracking/schema.ts'
import { findTakenRunIds, importRunPieces, type RunPiece } from '../tracking/tracking.ts'
import { requireWithin } from './limits.ts'
import { isMovable } from './source-files.ts'
import type { SourceRun } from './schema.ts'
import { PointsChecksum } from './source-values.ts'
import { isUnchanged, note, skip, type Mark, type Session } from './session.ts'
import { listObjects } from './store.ts'
import type { ImportObjectRow } from './tables.ts'

/** A transaction holds at most 500 rows. */
const MAX_ROWS = 480
const POINTS_AT_ONCE = 360
const TOGETHER_MS = 60_000
const PARENT_TAG = 'mlflow.parentRunId'

export type RunPlace = Pick<SourceRun, 'id' | 'experimentId' | 'artifactUri'>

/** Brings in runs with params, tags, histories, inputs and outputs. Returns those that are here now: their files come next. */
export async function importRuns(session: Session): Promise<RunPlace[]> {
  const batch = new RunBatch(session)
  const here: RunPlace[] = []
  for await (const page of session.source.listRuns([...session.experiments.keys()])) {
    const known = await listObjects(session.context.db.read, {
      sourceId: session.sourceId,
      kind: 'run',
      keys: page.map((run) => run.id),
    })
    const fresh = page.filter((run) => !known.has(run.id)).map((run) => run.id)
    const taken = await findTakenRunIds(session.context, fresh)
    requireWithin(session.limits, 'runs', here.length + page.length)
    for (const run of page) {
      if (taken.has(run.id))
        skip(session, 'runs', 'a run with this id is here already and was not imported from this source')
      else {
        await importRun(session, batch, run, known.get(run.id))
        here.push({ id: run.id, experimentId: run.experimentId, artifactUri: run.artifactUri })
      }
    }
  }
  await batch.flush()
  return here
}

async function importRun(
  session: Session,
  batch: RunBatch,
  run: SourceRun,
  known: ImportObjectRow | undefined,
): Promise<void> {
  const fingerprint = fingerprintOf(run)
  const { progress, counts } = session
  if (isUnchanged(known, fingerprint)) {
    counts.runs.unchanged += 1
    progress.add(run.points ?? 1)
    return
  }
  const goesOn = known?.state === 'started' && known.fingerprint === fingerprint && known.checksum !== ''
  const saved = goesOn ? (JSON.parse(known.checksum) as SavedPosition) : undefined
  const checksum = new PointsChecksum(saved)
  const mark = { kind: 'run', key: run.id, target: run.id, fingerprint } as const
  let place = saved ? known!.checksum : ''
  if (!saved)
    for (const piece of headPieces(session, run)) await batch.add(piece, { ...mark, state: 'started' })
  for await (const { points, position } of session.source.listPoints(run, saved?.position)) {
    for (let start = 0; start < points.length; start += POINTS_AT_ONCE) {
      const metrics = points.slice(start, start + POINTS_AT_ONCE)
      requireWithin(session.limits, 'metricPoints', session.metricPoints + metrics.length)
      for (const point of metrics) checksum.add(point)
      if (start + metrics.length === points.length) place = JSON.stringify({ position, ...checksum.save() })
      await batch.add(pieceOf(session, run, { metrics }), { ...mark, state: 'started', checksum: place })
      session.metricPoints += metrics.length
      progress.add(metrics.length)
    }
  }
  const text = `${paramsChecksum(run.params)} ${checksum.toString()}`
  await batch.add(pieceOf(session, run, {}), { ...mark, state: 'written', checksum: text })
  if (run.points === undefined) progress.add(1)
  counts.runs.imported += 1
}

interface SavedPosition {
  position: string
  count: number
  sums: number[]
}

/** Of everything that the source says of a run without its histories; these are told by their latest points and their number. */
function fingerprintOf(run: SourceRun): string {
  const { params, tags, metrics, ...rest } = run
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
  return hashJson({
    ...rest,
    params: params.toSorted(byKey),
    tags: tags.toSorted(byKey),
    metrics: metrics.toSorted(byKey).map((metric) => ({ ...metric, value: String(metric.value) })),
  })
}

export function paramsChecksum(params: readonly Param[]): string {
  return hashJson(Object.fromEntries(params.map(({ key, value }) => [key, value])))
}

/** The run itself with its params, tags, inputs and outputs, in pieces that fit a transaction. */
function headPieces(session: Session, run: SourceRun): RunPiece[] {
  const { datasets, models } = run
  const pieces = [pieceOf(session, run, { run: toRun(session, run), datasets, models })]
  const room = MAX_ROWS / 2
  for (let start = 0; start < Math.max(run.params.length, run.tags.length); start += room) {
    const params = run.params.slice(start, start + room)
    const tags = run.tags.slice(start, start + room)
    pieces.push(pieceOf(session, run, { params, tags }))
  }
  return pieces
}

function pieceOf(session: Session, run: SourceRun, part: Partial<RunPiece>): RunPiece {
  const experimentId = session.experiments.get(run.experimentId)!.id
  return {
    runId: run.id,
    experimentId,
    params: [],
    tags: [],
    metrics: [],
    datasets: [],
    models: [],
    ...part,
  }
}

function toRun(session: Session, run: SourceRun): NonNullable<RunPiece['run']> {
  const { name, userId, status, startMs, endMs, lifecycle, tags } = run
  const parentRunId = tags.find(({ key }) => key === PARENT_TAG)?.value
  return {
    name,
    userId,
    status,
    startMs,
    ...(endMs !== undefined && { endMs }),
    artifactUri: artifactUriOf(session, run),
    ...(parentRunId !== undefined && { parentRunId }),
    lifecycle,
    deletedMs: deletedMsOf(session, run),
  }
}

/** Files that are moved here get a place here; what lies in a store of objects stays where clients find it. */
export function artifactUriOf(session: Session, { id, experimentId, artifactUri }: RunPlace): string {
  if (!isMovable(artifactUri)) return artifactUri
  return `mlflow-artifacts:/${session.experiments.get(experimentId)!.id}/${id}/artifacts`
}

/** A run that was deleted with its experiment says the same time, and comes back with it. */
function deletedMsOf(session: Session, run: SourceRun): number | undefined {
  const experimentMs = session.experiments.get(run.experimentId)?.deletedMs
  if (experimentMs === undefined) return run.deletedMs
  return Math.abs((run.deletedMs ?? experimentMs) - experimentMs) < TOGETHER_MS ? experimentMs : run.deletedMs
}

/** Collects pieces of runs until they fill a transaction. */
class RunBatch {
  readonly #session: Session
  #pieces: RunPiece[] = []
  #marks = new Map<string, Mark>()
  #rows = 0

  constructor(session: Session) {
    this.#session = session
  }

  async add(piece: RunPiece, mark: Mark): Promise<void> {
    const rows = rowsOf(piece) + (this.#marks.has(mark.key) ? 0 : 1)
    if (this.#rows > 0 && this.#rows + rows > MAX_ROWS) await this.flush()
    this.#pieces.push(piece)
    this.#rows += rows
    this.#marks.set(mark.key, mark)
  }

  async flush(): Promise<void> {
    if (this.#pieces.length === 0) return
    const session = this.#session
    const marks = [...this.#marks.values()]
    await importRunPieces(session.context, {
      ...session.caller,
      pieces: this.#pieces,
      within: (trx) => note(session, trx, marks),
    })
    this.#pieces = []
    this.#marks = new Map()
    this.#rows = 0
  }
}

function rowsOf({ run, params, tags, metrics, datasets, models }: RunPiece): number {
  const values = params.length + tags.length + metrics.length + keysOf(metrics)
  return (run ? 1 : 0) + values + 2 * datasets.length + models.length
}

function keysOf(metrics: readonly Metric[]): number {
  return new Set(metrics.map((metric) => metric.key)).size
}
