import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson, hashJson, sha256, type JsonObject } from '../kernel/json.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import { mergeSchemas, readItem, schemaProblems, type Reading, type ReadProblem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import { isErasedSince, recordLeftOut, type Protection } from '../privacy/privacy.ts'
import { getDataset, findLatestVersion, lockDataset, protectionOfDataset } from '../data/data.ts'
import type { Dataset } from '../data/schema.ts'
import type { Pushed } from './schema.ts'
import { findPush, findPushedColumns, insertPush, lockPushedColumns, updatePushedColumns } from './store.ts'

type PushContext = Pick<Context, 'config' | 'db' | 'artifacts' | 'analytics' | 'clock' | 'ids'>

interface Push extends Caller {
  dataset: string
  /** The same key with the same content is taken once, however often it is sent. */
  key: string
}

/** Without `probeEvery` pushed rows become a version so long after the first of them. */
const VERSION_AFTER_MS = 5_000
/** A push that took its time before the end of the interval has committed by then. */
const COMMITTED_AFTER_MS = 500
const SHOWN_ROWS = 20

/**
 * Takes rows, objects of one value for each column, into a dataset whose source is `push()`. When it returns they are durable; they become part of
 * the next version. Throws `invalid`, naming row and column, when a row does not fit the dataset, and then stores nothing;
 * `conflict` when the key came with other rows before.
 */
export async function pushRows(
  context: PushContext,
  { rows, ...push }: Push & { rows: readonly JsonObject[] },
): Promise<Pushed> {
  const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const reading: Reading = { format: 'json', delimiter: ',', compression: 'none' }
  return await take(context, push, { content, reading, contentHash: hashJson(rows) })
}

/** As `pushRows`, of a batch in a format that files may have. */
export async function pushBatch(
  context: PushContext,
  { content, reading, ...push }: Push & { content: Uint8Array; reading: Reading },
): Promise<Pushed> {
  return await take(context, push, { content, reading, contentHash: sha256(content) })
}

interface Batch {
  content: Uint8Array
  reading: Reading
  contentHash: string
}

async function take(context: PushContext, push: Push, batch: Batch): Promise<Pushed> {
  requirePermission(push.actor, 'contribute', push.projectId)
  if (!/^[\x20-\x7e]{1,200}$/.test(push.key))
    throw new AppError('invalid', 'A key has 1 to 200 printable ASCII characters')
  const dataset = await getDataset(context, { projectId: push.projectId, name: push.dataset })
  if (dataset.definition.source.type !== 'push')
    throw new AppError('invalid', `${push.dataset} takes its rows from elsewhere: its source is not push()`)
  const before = await findPush(context.db.read, dataset.id, push.key)
  if (before) return requireSame(before, batch)
  const known = await knownColumns(context, dataset)
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-push-'))
  try {
    const { columns, rows, part, leaveOut } = await toPart(context, { dataset, known, batch, folder })
    const blob = await context.artifacts.putFile(part)
    return await context.db.write(async (trx) => {
      const { id: datasetId, projectId } = dataset
      await lockDataset(trx, datasetId)
      if (await isErasedSince(trx, projectId, leaveOut)) throw erasedMeanwhile(dataset.name)
      const locked = await lockPushedColumns(trx, { projectId, datasetId })
      const pushed = locked === null ? [] : (JSON.parse(locked) as Column[])
      // Another push may have named columns since these were read.
      const misfit = schemaProblems(pushed, columns)
      if (misfit.length > 0) throw refused(dataset.name, misfit.join('; '))
      const now = context.clock.now()
      const inserted = await insertPush(trx, {
        id: context.ids.uuid(),
        project_id: projectId,
        dataset_id: datasetId,
        key: push.key,
        content_hash: batch.contentHash,
        sha256: blob.sha256,
        size_bytes: blob.sizeBytes,
        rows,
        version_id: null,
        actor_id: push.actor.id,
        actor_name: push.actor.name,
        created_ms: now,
      })
      if (!inserted) return requireSame((await findPush(trx, datasetId, push.key))!, batch)
      await recordLeftOut(trx, projectId, leaveOut)
      await recordBlob(trx, { projectId, blob, nowMs: now })
      await updatePushedColumns(trx, datasetId, canonicalJson(mergeSchemas([pushed, columns])))
      await enqueueVersion(trx, dataset, await context.db.wallTime(trx))
      const detail = { key: push.key, rows }
      await audit(trx, { projectId, actor: push.actor, action: 'data.push', subject: dataset.name, detail })
      return { rows, duplicate: false }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function requireSame(
  { content_hash, key, rows }: { content_hash: string; key: string; rows: number },
  batch: Batch,
) {
  if (content_hash === batch.contentHash) return { rows, duplicate: true }
  throw new AppError('conflict', `The key ${key} came with other rows before; nothing was stored`)
}

/** The columns that a push has to have: declared, pushed or in the latest version. */
async function knownColumns({ db }: PushContext, { id, definition }: Dataset): Promise<Column[]> {
  const { source } = definition
  const declared = source.type === 'push' ? Object.entries(source.columns ?? {}) : []
  const pushed = (await findPushedColumns(db.read, id)) ?? '[]'
  return mergeSchemas([
    declared.map(([name, type]) => ({ name, type })),
    (await findLatestVersion(db.read, id))?.schema ?? [],
    JSON.parse(pushed) as Column[],
  ])
}

async function toPart(
  context: PushContext,
  { dataset, known, batch, folder }: { dataset: Dataset; known: Column[]; batch: Batch; folder: string },
): Promise<{ columns: Column[]; rows: number; part: string; leaveOut: Protection['leaveOut'] }> {
  const path = join(folder, 'pushed')
  const target = join(folder, 'part.parquet')
  // Before anything of it is stored.
  const protection = await protectionOfDataset(context, dataset)
  await writeFile(path, batch.content)
  await using session = await context.analytics.session({ threads: 1 })
  await protection.prepare(session)
  const read = await readItem(
    session,
    {
      path: 'push',
      sha256: batch.contentHash,
      changed: true,
      reading: batch.reading,
      isTreated: false,
      seen: null,
      use: (work) => work(path),
      requireUnchanged: async () => undefined,
    },
    { known, time: dataset.definition.time, treatments: protection, folder, target },
  )
  if (!Array.isArray(read)) throw refused(dataset.name, read.message, read)
  const [count] = await session.query('SELECT num_rows AS rows FROM parquet_file_metadata(?)', [target])
  const rows = Number(count!['rows'])
  // Rows of erased people alone are taken, and nothing of them is stored: or they would be sent again and again.
  if (rows === 0 && protection.leaveOut.found.size === 0) throw refused(dataset.name, 'there are no rows')
  return { columns: read, rows, part: target, leaveOut: protection.leaveOut }
}

function erasedMeanwhile(dataset: string): AppError {
  return new AppError('unavailable', `A person was erased from ${dataset} meanwhile; send it again`)
}

function refused(dataset: string, reason: string, problem?: ReadProblem): AppError {
  const rows = problem?.failingRows.slice(0, SHOWN_ROWS).map(({ row, reason: why }) => ({ row, reason: why }))
  return new AppError('invalid', `${dataset}: ${reason}; nothing was stored`, {
    ...(rows && rows.length > 0 && { details: { rows } }),
  })
}

/** One job for all that is pushed in an interval, at its end. */
async function enqueueVersion(
  trx: Parameters<typeof enqueue>[0],
  dataset: Dataset,
  nowMs: number,
): Promise<void> {
  const interval = dataset.definition.probeEveryMs ?? VERSION_AFTER_MS
  const end = (Math.floor(nowMs / interval) + 1) * interval
  await enqueue(trx, {
    projectId: dataset.projectId,
    kind: 'data.probe',
    payload: { dataset: dataset.name },
    uniqueKey: `data.push:${dataset.id}:${interval}:${end}`,
    runAtMs: end + COMMITTED_AFTER_MS,
  })
}
