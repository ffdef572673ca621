import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { getLoggedModel, requireOwn, updateLoggedModelState } from '../tracking/tracking.ts'
import type { Caller } from './models.ts'
import { findServable } from './servable.ts'
import type { ModelVersion } from './schema.ts'
import { getModelVersion, registerVersion, type RegisterVersion } from './versions.ts'

/** What MLflow's clients give as the source of a prompt, which has no files. */
const PLACEHOLDERS = ['prompt-template', 'dummy-source']
const MODEL_VERSIONS_TAG = 'mlflow.modelVersions'

/**
 * Registers what an artifact URI names: `models:/m-…` (a logged model), `models:/name/1` (another version), or a place of files. When the
 * files are stored here and can be served, the version refers to what is served and says its signature.
 */
export async function registerFromSource(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts' | 'log'>,
  input: Caller &
    Pick<
      RegisterVersion,
      'model' | 'source' | 'runId' | 'runLink' | 'loggedModelId' | 'description' | 'tags'
    >,
): Promise<ModelVersion> {
  const { projectId, actor, model, source } = input
  requireSource(source)
  const location = await locate(context, { projectId, actor }, source)
  if (location.loggedModelId !== undefined)
    await requireOwn(context.db.read, input, { what: source, runId: location.runId })
  const servable = await findServable(context, { projectId, actor, model, location: location.uri })
  const version = await registerVersion(context, {
    ...input,
    storageLocation: location.uri,
    ...servable,
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
  const runId = known.runId === undefined ? {} : { runId: known.runId }
  return { uri: known.storageLocation ?? known.source, ...runId }
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

/** However often it is encoded. */
function decodedWhole(source: string): string {
  let decoded = source
  for (let times = 0; times < 10; times++) {
    const next = decoded.replaceAll(/%(2e|2f|5c|25)/gi, (code) =>
      String.fromCharCode(parseInt(code.slice(1), 16)),
    )
    if (next === decoded) return decoded
    decoded = next
  }
  throw new AppError('invalid', `Invalid model version source: '${source}'. It is encoded too often.`)
}

function requireSource(source: string): void {
  const decoded = decodedWhole(source)
  if (/(^|[/\\])\.\.([/\\]|$)/.test(decoded))
    throw new AppError('invalid', `Invalid model version source: '${source}'. It must not contain '..'.`)
  if (PLACEHOLDERS.includes(source)) return
  if (/^(file:|[a-z]:[/\\])/i.test(source) || !/^[a-z][a-z0-9+.-]*:/i.test(source))
    throw new AppError(
      'invalid',
      `Invalid model version source: '${source}'. To use a local path as a model version source, log it as an artifact of a run first.`,
    )
}
