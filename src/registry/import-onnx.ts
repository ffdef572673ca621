import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { inspectInProcess, type InspectionJob } from '../model-files/model-files.ts'
import { importedTasks, type ImportedTask, type ImportReport, type Signature } from '../model-files/schema.ts'
import type { ModelVersion } from './schema.ts'
import { findModelRow } from './store.ts'
import { listModelVersions, registerVersion } from './versions.ts'

type Options = Pick<InspectionJob, 'features' | 'columns' | 'positive'> & {
  /** Default: the model's own task, else what the outputs suggest. */
  task?: ImportedTask | undefined
  golden?: { blob: StoredBlob; format: 'json' | 'parquet' } | undefined
}

export interface ImportOnnx extends Caller, Options {
  model: string
  /** The stored file. */
  onnx: StoredBlob
  /** Where the file came from, for people. */
  source: string
}

/**
 * Registers an ONNX file that was trained elsewhere; the model is made when there is none. The file is tried in a process of its own
 * (`inspect-onnx.ts`), which may edit the graph. The same bytes with the same signature give the version they have already. Throws
 * `invalid` for a file that can't be served, whose task is not clear, or that does not give its golden batch.
 */
export async function importOnnx(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts'>,
  { projectId, actor, model, onnx, source, ...options }: ImportOnnx,
): Promise<{ version: ModelVersion; created: boolean }> {
  requirePermission(actor, 'contribute', projectId)
  const found = await tryOnnx(context, { ...options, projectId, model, onnx })
  const row = await findModelRow(context.db.read, projectId, model)
  const versions =
    row?.deleted_ms === null ? await listModelVersions(context, { projectId, actor, model }) : []
  const same = versions.find(
    ({ onnxSha256, signature }) =>
      onnxSha256 === found.onnx.sha256 && signature && hashJson(signature) === hashJson(found.signature),
  )
  if (same) return { version: same, created: false }
  const version = await registerVersion(context, {
    projectId,
    actor,
    model,
    source,
    onnx: found.onnx,
    signature: found.signature,
    importReport: found.report,
    createModel: true,
  })
  return { version, created: true }
}

/** The graph as it will be served, stored, with what was found. Throws `invalid` where it can't be served or its task is not clear. */
export async function tryOnnx(
  { db, artifacts }: Pick<Context, 'db' | 'artifacts'>,
  {
    projectId,
    model,
    onnx,
    golden,
    ...options
  }: Options & { projectId: string; model: string; onnx: StoredBlob },
): Promise<{ onnx: StoredBlob; signature: Signature; report: ImportReport }> {
  const row = await findModelRow(db.read, projectId, model)
  const declared = row?.deleted_ms === null ? importedTasks.find((task) => task === row.task) : undefined
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-import-'))
  try {
    const editedPath = join(folder, 'model.onnx')
    const { signature, report } = await inspectInProcess({
      path: await artifacts.localPath(onnx.sha256),
      editedPath,
      ...options,
      task: options.task ?? declared,
      ...(golden && {
        golden: { path: await artifacts.localPath(golden.blob.sha256), format: golden.format },
      }),
    })
    const edited = await stat(editedPath).then(
      () => true,
      () => false,
    )
    return { onnx: edited ? await artifacts.putFile(editedPath) : onnx, signature, report }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
