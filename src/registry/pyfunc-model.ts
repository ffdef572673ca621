import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { sizeOf } from '../ports/inference/tensors.ts'
import { getArtifact, listArtifacts } from '../tracking/tracking.ts'
import { findScore, parseMlmodel, toSignature, type MlflowSignature } from '../model-files/model-files.ts'
import type { ImportedTask, PythonModel, Signature } from '../model-files/schema.ts'

const MAX_FILES = 1_000
const MAX_MLMODEL_BYTES = 1024 * 1024

/**
 * The pyfunc model in a folder of artifacts, with its signature read from `MLmodel`; undefined where the folder holds none. No code of the model
 * runs. Throws `invalid` for one that can't be served.
 */
export async function findPyfuncModel(
  { db, artifacts }: Pick<Context, 'db' | 'artifacts'>,
  caller: Caller,
  { folder, task }: { folder: string; task: ImportedTask | undefined },
): Promise<{ python: PythonModel; signature: Signature } | undefined> {
  const top = await listArtifacts({ db }, { ...caller, folder })
  const mlmodel = top.find(({ path }) => path === `${folder}/MLmodel`)
  if (!mlmodel || (mlmodel.sizeBytes ?? 0) > MAX_MLMODEL_BYTES) return undefined
  const { sha256 } = await getArtifact({ db }, { ...caller, path: mlmodel.path })
  const text = Buffer.from(await artifacts.bytes(sha256)).toString('utf8')
  const { isPyfunc, signature } = await parseMlmodel(text)
  if (!isPyfunc) return undefined
  if (signature === undefined) {
    throw new AppError(
      'invalid',
      'its signature does not say both inputs and outputs. Log it with mlflow.models.infer_signature(inputs, outputs)',
    )
  }
  const { inputs, outputs, table } = signature
  const files = await listFiles({ db }, caller, folder)
  return { python: { files, inputs, outputs, table }, signature: pyfuncSignature(signature, task) }
}

async function listFiles(
  context: Pick<Context, 'db'>,
  caller: Caller,
  root: string,
): Promise<PythonModel['files']> {
  const files: { path: string; sha256: string }[] = []
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { path, isDirectory } of await listArtifacts(context, { ...caller, folder })) {
      if (isDirectory) folders.push(path)
      else {
        const { sha256 } = await getArtifact(context, { ...caller, path })
        files.push({ path: path.slice(root.length + 1), sha256 })
      }
      if (files.length > MAX_FILES)
        throw new AppError('invalid', `its folder has more than ${MAX_FILES} files`)
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Probabilities or one number tell the task; labels alone are a classification without a score. */
function pyfuncSignature(given: MlflowSignature, declared: ImportedTask | undefined): Signature {
  const { outputs } = given
  const floats = outputs.filter(({ datatype }) => datatype.startsWith('FP'))
  const width = floats[0] === undefined ? 0 : sizeOf(floats[0].shape.slice(1))
  const task = declared ?? (width === 0 || width > 2 ? 'multiclass' : width === 2 ? 'binary' : 'regression')
  const plain = toSignature(given, task)
  if (task === 'multiclass' && floats.length === 0) {
    if (outputs.length === 1) return plain
    throw new AppError('invalid', 'its outputs hold no probabilities, and more than one label')
  }
  if (task === 'binary' && floats.length === 0) {
    throw new AppError(
      'invalid',
      'it gives labels, where a binary model needs a probability. Log it with pyfunc_predict_fn="predict_proba", and a signature of that',
    )
  }
  const score = findScore(task, outputs, {})
  return { ...plain, ...(score && { score }) }
}
