import type { Context } from '../http/context.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import { parseSnapshot } from '../ports/artifacts/code-snapshot.ts'
import type { ModelVersionRow } from '../registry/registry.ts'
import { folderOf } from '../tracking/tracking.ts'
import { versionFiles } from './digest.ts'
import type { ChangedFile, Evidence } from './schema.ts'

type Reads = Pick<Context, 'db' | 'artifacts'>

interface Sides {
  candidate: ModelVersionRow
  holder: ModelVersionRow
}

/** Longer files are left out. */
const MOST_CHARACTERS = 200_000
/** Where MLflow and Python write what a model needs to run. */
const REQUIREMENTS = /(^|\/)(requirements[^/]*\.txt|conda\.ya?ml|python_env\.ya?ml|[^/]+\.lock)$/

/** The files that the two code snapshots have otherwise; `why` says what kept them from being compared. */
export async function compareCode(
  { artifacts }: Reads,
  { candidate, holder }: Sides,
): Promise<{ files: ChangedFile[] | null; why?: string }> {
  const unknown = [candidate, holder].find(({ code_snapshot }) => code_snapshot === null)
  if (unknown) return { files: null, why: `The code of version ${unknown.version} is not known` }
  if (candidate.code_snapshot === holder.code_snapshot) return { files: [] }
  const one = await readFiles(artifacts, candidate.code_snapshot!)
  const other = await readFiles(artifacts, holder.code_snapshot!)
  if (!one || !other) return { files: null, why: 'A code snapshot is not stored any more' }
  const { changedFiles } = await import('./changed-files.ts')
  return { files: changedFiles(one, other) }
}

async function readFiles(
  artifacts: Context['artifacts'],
  hash: string,
): Promise<Map<string, string> | undefined> {
  const bytes = await artifacts.bytes(hash).catch(ignoreMissing)
  if (!bytes) return undefined
  const { files } = parseSnapshot(JSON.parse(Buffer.from(bytes).toString('utf8')))
  return new Map(
    Object.entries(files).map(([path, { base64 }]) => [path, Buffer.from(base64, 'base64').toString('utf8')]),
  )
}

/** Lines of the requirement files of the two versions that only one of them has. */
export async function compareEnvironments(
  context: Reads,
  { candidate, holder }: Sides,
): Promise<Evidence['environment']> {
  const [one, other] = [await readRequirements(context, candidate), await readRequirements(context, holder)]
  if (one.size === 0 || other.size === 0) return []
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((path) => {
    const [now, before] = [one.get(path) ?? new Set<string>(), other.get(path) ?? new Set<string>()]
    const added = [...now].filter((line) => !before.has(line))
    const removed = [...before].filter((line) => !now.has(line))
    return added.length + removed.length === 0 ? [] : [{ path, added, removed }]
  })
}

/** By the path inside the model's folder. */
export async function readRequirements(
  { db, artifacts }: Reads,
  row: ModelVersionRow,
): Promise<Map<string, Set<string>>> {
  const files = (await versionFiles(db.read, row)).filter(({ path }) => REQUIREMENTS.test(path))
  if (files.length === 0) return new Map()
  const root = folderOf(row.storage_location ?? row.source)
  const read = new Map<string, Set<string>>()
  for (const { path, sha256, sizeBytes } of files) {
    if (sizeBytes > MOST_CHARACTERS) continue
    const text = Buffer.from(await artifacts.bytes(sha256)).toString('utf8')
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
    read.set(path.slice(root.length + 1), new Set(lines))
  }
  return read
}
