import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { onlineSource } from './online-rows.ts'
import { computeRowsApart } from './row-process.ts'
import type { ViewSpec } from '../features/schema.ts'

export interface Computation {
  spec: ViewSpec
  codeSnapshot: string | null
  signal: AbortSignal | undefined
}

/** SQL of what the rows are computed from: the dataset, or a file of what the row function made of it. */
export async function openOnlineSource(
  context: Pick<Context, 'artifacts' | 'config' | 'log'>,
  { spec, codeSnapshot, signal }: Computation,
  scan: string,
): Promise<AsyncDisposable & { sql: string }> {
  if (!spec.row) return { sql: onlineSource(spec, scan), async [Symbol.asyncDispose]() {} }
  if (codeSnapshot === null) {
    throw new AppError(
      'invalid',
      `The feature view ${spec.view} was declared without the code of its function`,
    )
  }
  const { artifacts, config, log } = context
  // A folder apart from that of steps: a row function is pure, and links no packages.
  const dataDir = join(config.dataDir, 'features')
  const place = { artifacts, config: { dataDir } }
  const snapshotDirectory = await unpackSnapshot(place, { hash: codeSnapshot, dependencies: undefined })
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-rows-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const target = join(folder, 'rows.parquet')
    const violations = await computeRowsApart({ view: spec, scan, snapshotDirectory, target }, signal)
    if (Object.keys(violations).length > 0)
      log.warn({ violations }, `The function of ${spec.view} went wrong`)
    return { sql: `SELECT * FROM ${parquetScan([target])}`, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}
