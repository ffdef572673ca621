import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { groupBalance, kAnonymity, maskValue } from '../privacy/privacy.ts'
import type { AnonymityReport, BalanceReport } from '../privacy/schema.ts'
import type { Dataset, DatasetVersion } from '../data/schema.ts'
import { getDataset, resolveVersion, versionScan } from '../data/data.ts'

type ReportContext = Pick<Context, 'db' | 'artifacts' | 'analytics'>

interface OfVersion extends Caller {
  /** `people@2`, or the latest as `people`. */
  reference: string
}

/**
 * How well people hide among each other in a version, by columns that others may know of them. Values of personal columns are
 * masked. Throws `invalid` for a column that is not there.
 */
export async function anonymityOfVersion(
  context: ReportContext,
  input: OfVersion & { columns: readonly string[]; sensitive?: string | undefined; k: number },
): Promise<AnonymityReport> {
  const { columns, sensitive, k } = input
  const { dataset, version } = await open(context, input)
  requireColumns(version, [...columns, ...(sensitive === undefined ? [] : [sensitive])])
  await using session = await context.analytics.session()
  const scan = await versionScan(context, version)
  const report = await kAnonymity(session, scan, { columns: [...new Set(columns)], sensitive, k })
  const masked = report.columns.map((name) => dataset.definition.personal?.[name] === 'keep')
  const smallest = report.smallest.map((group) => ({
    ...group,
    values: group.values.map((value, index) => (masked[index] && value !== null ? maskValue(value) : value)),
  }))
  return { ...report, smallest }
}

/** How the groups of a column compare in a version. Throws `invalid` for a column that is not there. */
export async function balanceOfVersion(
  context: ReportContext,
  input: OfVersion & { by: string; label?: string | undefined; positive?: string | undefined },
): Promise<BalanceReport> {
  const { by, label, positive } = input
  const { version } = await open(context, input)
  requireColumns(version, [by, ...(label === undefined ? [] : [label])])
  await using session = await context.analytics.session()
  const columns = version.schema.map(({ name }) => name)
  return await groupBalance(session, await versionScan(context, version), { columns, by, label, positive })
}

async function open(
  context: ReportContext,
  { projectId, actor, reference }: OfVersion,
): Promise<{ dataset: Dataset; version: DatasetVersion }> {
  requirePermission(actor, 'view', projectId)
  const version = await resolveVersion(context, { projectId, reference })
  return { dataset: await getDataset(context, { projectId, name: version.dataset }), version }
}

function requireColumns({ dataset, schema }: DatasetVersion, names: readonly string[]): void {
  const missing = names.find((name) => !schema.some((column) => column.name === name))
  if (missing === undefined) return
  const known = schema.map(({ name }) => name).join(', ')
  throw new AppError('invalid', `${dataset} has no column ${missing}; it has ${known}`)
}
