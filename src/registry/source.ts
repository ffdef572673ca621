import type { Context } from '../http/context.ts'
import { AppError, ignoreMissing, messageOf } from '../kernel/errors.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import {
  folderOf,
  getArtifact,
  getLoggedModel,
  isStoredHere,
  listArtifacts,
  updateLoggedModelState,
} from '../tracking/tracking.ts'
import type { Caller } from './models.ts'
import { tryOnnx } from './import-onnx.ts'
import type { ModelVersion } from './schema.ts'
import { getModelVersion, registerVersion, type RegisterVersion } from './versions.ts'

const MODEL_VERSIONS_TAG = 'mlflow.modelVersions'

/**
 * Registers what an artifact URI names: `models:/m-…` (a logged model), `models:/name/1` (another version), or a place of files. When the
 * files are stored here and hold one ONNX graph, the version refers to it; its signature is read from the graph, so that it can be served.
 */
export async function registerFromSource(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts' | 'log'>,
  input: Caller &
    Pick<
      RegisterVersion,
      'model' | 'source' | 'runId' | 'runLink' | 'loggedModelId' | 'description' | 'tags'
    >,
): Promise<ModelVersion> {
  const { projectId, actor, source } = input
  requireSource(source)
  const location = await locate(context, { projectId, actor }, source)
  const onnx = (await findOnnx(context, { projectId, actor }, location.uri)) ?? location.onnx
  const tried = onnx && (await tryFile(context, input, onnx))
  const version = await registerVersion(context, {
    ...input,
    storageLocation: location.uri,
    onnx,
    ...tried,
    loggedModelId: input.loggedModelId ?? location.loggedModelId,
    runId: input.runId ?? location.runId,
  })
  const { loggedModelId } = version
  if (loggedModelId !== undefined)
    await noteOnLoggedModel(context, { projectId, actor }, loggedModelId, version)
  return version
}

interface Location {
  uri: string
  onnx?: StoredBlob
  loggedModelId?: string
  runId?: string
}

async function locate(context: Pick<Context, 'db'>, caller: Caller, source: string): Promise<Location> {
  const logged = /^models:\/(m-[0-9a-f]{32})(\/.*)?$/.exec(source)
  if (logged) {
    const { artifactUri, sourceRunId } = await getLoggedModel(context, { ...caller, id: logged[1]! })
    const runId = sourceRunId === undefined ? {} : { runId: sourceRunId }
    return { uri: `${artifactUri}${logged[2] ?? ''}`, loggedModelId: logged[1]!, ...runId }
  }
  const named = /^models:\/([^/]+)\/(\d+)$/.exec(source)
  if (!named) return { uri: source }
  const version = Number(named[2])
  const known = await getModelVersion(context, { ...caller, model: decodeURIComponent(named[1]!), version })
  return { uri: known.storageLocation ?? known.source }
}

/** The one `.onnx` file directly in a folder that is stored here. */
export async function findOnnx(
  context: Pick<Context, 'db'>,
  caller: Caller,
  uri: string,
): Promise<StoredBlob | undefined> {
  if (!isStoredHere(uri)) return undefined
  const folder = folderOf(uri)
  if (folder.endsWith('.onnx'))
    return await getArtifact(context, { ...caller, path: folder }).catch(ignoreMissing)
  const files = await listArtifacts(context, { ...caller, folder })
  const graphs = files.filter((file) => !file.isDirectory && file.path.endsWith('.onnx'))
  return graphs.length === 1 ? await getArtifact(context, { ...caller, path: graphs[0]!.path }) : undefined
}

/** A graph that can't be served, or does not tell its task, is registered all the same: with the reason, without a signature. */
export async function tryFile(
  context: Pick<Context, 'db' | 'artifacts' | 'log'>,
  { projectId, model, source }: { projectId: string; model: string; source: string },
  onnx: StoredBlob,
): Promise<Pick<RegisterVersion, 'onnx' | 'signature' | 'importReport' | 'problem'>> {
  try {
    const { onnx: served, signature, report } = await tryOnnx(context, { projectId, model, onnx })
    return { onnx: served, signature, importReport: report }
  } catch (error) {
    const problem = messageOf(error)
    context.log.warn({ model, source, reason: problem }, 'A version is registered without a signature')
    return { problem }
  }
}

/** MLflow's clients read here which versions a logged model became. */
async function noteOnLoggedModel(
  context: Pick<Context, 'db' | 'clock'>,
  caller: Caller,
  id: string,
  { model, version }: ModelVersion,
): Promise<void> {
  const { tags } = await getLoggedModel(context, { ...caller, id, allowDeleted: true })
  const noted = tags.find((tag) => tag.key === MODEL_VERSIONS_TAG)?.value
  const versions = [...(noted ? (JSON.parse(noted) as object[]) : []), { name: model, version }]
  const tag = { key: MODEL_VERSIONS_TAG, value: JSON.stringify(versions) }
  await updateLoggedModelState(context, { ...caller, id, tags: [tag] })
}

function requireSource(source: string): void {
  const decoded = source.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/')
  if (/(^|[/\\])\.\.([/\\]|$)/.test(decoded))
    throw new AppError('invalid', `Invalid model version source: '${source}'. It must not contain '..'.`)
  if (/^(file:|[/\\]|[a-z]:[/\\])/i.test(source))
    throw new AppError(
      'invalid',
      `Invalid model version source: '${source}'. To use a local path as a model version source, log it as an artifact of a run first.`,
    )
}
