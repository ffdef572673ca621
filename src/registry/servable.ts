import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { AppError, ignoreMissing } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { folderOf, getArtifact, isStoredHere, listArtifacts } from '../tracking/tracking.ts'
import { parseMlmodel } from '../model-files/model-files.ts'
import { importedTasks, type ImportedTask } from '../model-files/schema.ts'
import { tryOnnx } from './import-onnx.ts'
import { findPyfuncModel } from './pyfunc-model.ts'
import { findModelRow } from './store.ts'
import type { RegisterVersion } from './versions.ts'

type Servable = Pick<RegisterVersion, 'onnx' | 'signature' | 'importReport' | 'python' | 'problem'>
type ServableContext = Pick<Context, 'db' | 'artifacts' | 'log'>

/**
 * How the files at a place can be served, where they are stored here: by their one ONNX graph, else as an MLflow pyfunc model in a Python process. What can't
 * be served is registered all the same, with the reason.
 */
export async function findServable(
  context: ServableContext,
  { model, location, ...caller }: Caller & { model: string; location: string },
): Promise<Servable> {
  if (!isStoredHere(location)) return {}
  const folder = folderOf(location)
  const task = await declaredTask(context, caller.projectId, model)
  const onnx = await findOnnx(context, caller, folder)
  const problems: string[] = []
  if (onnx) {
    try {
      const columns = await findColumns(context, caller, folder)
      const { onnx: served, signature, report } = await tryOnnx(context, { ...caller, model, onnx, columns })
      return { onnx: served, signature, importReport: report }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      problems.push(error.message)
    }
  }
  try {
    const found = await findPyfuncModel(context, caller, { folder, task })
    if (found) return found
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    problems.push(`As a Python model: ${error.message}`)
  }
  if (problems.length === 0) return {}
  const problem = problems.join('. ')
  context.log.warn({ model, folder, reason: problem }, 'A version is registered that can’t be served')
  return { onnx, problem }
}

async function declaredTask(
  { db }: Pick<Context, 'db'>,
  projectId: string,
  model: string,
): Promise<ImportedTask | undefined> {
  const row = await findModelRow(db.read, projectId, model)
  return importedTasks.find((task) => task === row?.task)
}

/** The one `.onnx` file directly in a folder, or the folder itself when it is one. */
async function findOnnx(
  context: Pick<Context, 'db'>,
  caller: Caller,
  folder: string,
): Promise<StoredBlob | undefined> {
  if (folder.endsWith('.onnx'))
    return await getArtifact(context, { ...caller, path: folder }).catch(ignoreMissing)
  const files = await listArtifacts(context, { ...caller, folder })
  const graphs = files.filter((file) => !file.isDirectory && file.path.endsWith('.onnx'))
  return graphs.length === 1 ? await getArtifact(context, { ...caller, path: graphs[0]!.path }) : undefined
}

/** The columns that MLflow's signature names: they are those of the graph's matrix, if it has one of that width. */
async function findColumns(
  { db, artifacts }: ServableContext,
  caller: Caller,
  folder: string,
): Promise<string[] | undefined> {
  const mlmodel = await getArtifact({ db }, { ...caller, path: `${folder}/MLmodel` }).catch(ignoreMissing)
  if (!mlmodel) return undefined
  const text = Buffer.from(await artifacts.bytes(mlmodel.sha256)).toString('utf8')
  try {
    const { signature } = await parseMlmodel(text)
    return signature?.table ? signature.inputs.map(({ name }) => name) : undefined
  } catch (error) {
    // The graph says its inputs by itself; that MLmodel can't be read is told where it is all there is.
    if (error instanceof AppError && error.code === 'invalid') return undefined
    throw error
  }
}
