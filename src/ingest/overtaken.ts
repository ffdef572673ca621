import { countParts, findLatestVersion, lockDataset } from '../data/data.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import { isErasedSince } from '../privacy/privacy.ts'
import type { IngestPlan } from './plan.ts'
import type { Part } from '../data/schema.ts'

const OVERTAKEN = 'overtaken'

export async function requireLatest(trx: Trx, plan: IngestPlan): Promise<void> {
  const { dataset, parent } = plan
  await lockDataset(trx, dataset.id)
  await requireNoErasure(trx, plan)
  const latest = await findLatestVersion(trx, dataset.id)
  if (latest?.id === parent?.id && latest?.manifestSha256 === parent?.manifestSha256) return
  throw overtaken(`Another ingest of ${dataset.name} was first`)
}

/** Rows of a person who was erased since they were read must not be stored. The dataset is locked. */
export async function requireNoErasure(trx: Trx, { dataset, protection }: IngestPlan): Promise<void> {
  if (!(await isErasedSince(trx, dataset.projectId, protection.leaveOut))) return
  throw overtaken(`A person was erased from ${dataset.name} meanwhile`)
}

/** Retention may have given up a part that no version held while this ingest believed to have it. */
export async function requireParts(trx: Trx, { dataset }: IngestPlan, added: readonly Part[]): Promise<void> {
  const hashes = [...new Set(added.map(({ sha256 }) => sha256))]
  if ((await countParts(trx, dataset.id, hashes)) === hashes.length) return
  throw overtaken(`Parts of ${dataset.name} were given up meanwhile`)
}

function overtaken(message: string): AppError {
  return new AppError('conflict', message, { details: { reason: OVERTAKEN } })
}

export function isOvertaken(error: unknown): boolean {
  return isUniqueViolation(error) || (error instanceof AppError && error.details['reason'] === OVERTAKEN)
}
