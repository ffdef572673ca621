import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { folderOf, getLoggedModel, getRun, requireOwn } from '../tracking/tracking.ts'
import { findVersionByAlias } from './aliases.ts'
import { getModel } from './models.ts'
import { findServable } from './servable.ts'
import type { ModelVersion, RegisteredModel } from './schema.ts'
import { getModelVersion, listLatestVersions, registerVersion, type RegisterVersion } from './versions.ts'

/** What MLflow's clients give as the source of a prompt, which has no files. */
const PLACEHOLDERS = ['prompt-template', 'dummy-source']
const IS_PROMPT = 'mlflow.prompt.is_prompt'

/**
 * Registers what an artifact URI names: `models:/m-…` (a logged model), `models:/name/1` or `models:/name@alias` (another version), or a place of files. When the
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
  const { projectId, actor, model } = input
  requireSource(input.source)
  const location = await locate(context, { projectId, actor }, input)
  if (location.loggedModelId !== undefined)
    await requireOwn(context.db.read, input, { what: input.source, runId: location.runId })
  const servable = await findServable(context, { projectId, actor, model, location: location.uri })
  return await registerVersion(context, {
    ...input,
    source: location.source,
    storageLocation: location.uri,
    ...servable,
    loggedModelId: input.loggedModelId ?? location.loggedModelId,
    runId: input.runId ?? location.runId,
  })
}

interface Location {
  uri: string
  /** What `source` says, with the version in place of an alias, a stage or `latest`, which move on. */
  source: string
  loggedModelId?: string | undefined
  runId?: string | undefined
}

type Claims = Pick<RegisterVersion, 'source' | 'runId' | 'loggedModelId'>

async function locate(context: Pick<Context, 'db'>, caller: Caller, claims: Claims): Promise<Location> {
  const { source } = claims
  if (source.startsWith('models:')) {
    const logged = /^models:\/(m-[0-9a-f]{32})(\/.*)?$/.exec(source)
    const found = logged
      ? await locateLoggedModel(context, caller, { source, id: logged[1]!, below: logged[2] ?? '' })
      : await locateVersion(context, caller, source)
    requireSame(claims, found)
    return found
  }
  if (source.startsWith('mlflow-artifacts:')) await requireInside(context, caller, claims)
  const [, runId] = /^runs:\/+([^/]+)/.exec(source) ?? []
  if (runId !== undefined) requireSame({ ...claims, loggedModelId: undefined }, { runId })
  const ofModel =
    claims.loggedModelId === undefined
      ? undefined
      : await getLoggedModel(context, { ...caller, id: claims.loggedModelId, allowDeleted: true })
  return { uri: source, source, runId: runId ?? ofModel?.sourceRunId }
}

async function locateLoggedModel(
  context: Pick<Context, 'db'>,
  caller: Caller,
  { source, id, below }: { source: string; id: string; below: string },
): Promise<Location> {
  const { artifactUri, sourceRunId } = await getLoggedModel(context, { ...caller, id })
  return { uri: `${artifactUri}${below}`, source, loggedModelId: id, runId: sourceRunId }
}

/** `models:/name/1`, `models:/name@alias`, `models:/name/latest` or `models:/name/Production`. */
async function locateVersion(
  context: Pick<Context, 'db'>,
  caller: Caller,
  source: string,
): Promise<Location> {
  const [, name, which] = /^models:\/([^/@]+)([/@][^/@]+)$/.exec(source) ?? []
  if (name === undefined || which === undefined)
    throw new AppError(
      'invalid',
      `Invalid model version source: '${source}'. A model is named as models:/<name>/<version>, models:/<name>@<alias> or models:/m-<id>.`,
    )
  const model = await getModel(context, { ...caller, name: decodeURIComponent(name) })
  if (model.tags.some(({ key, value }) => key === IS_PROMPT && value.toLowerCase() === 'true'))
    throw new AppError(
      'invalid',
      `Invalid model version source: '${source}'. Prompt versions cannot be used as model version sources.`,
    )
  const known = await findNamed(context, caller, { model, which })
  if (!known) throw new AppError('not_found', `There is no model version ${source}`)
  return {
    uri: known.storageLocation ?? known.source,
    source: `models:/${name}/${known.version}`,
    runId: known.runId,
    loggedModelId: known.loggedModelId,
  }
}

async function findNamed(
  context: Pick<Context, 'db'>,
  caller: Caller,
  { model, which }: { model: RegisteredModel; which: string },
): Promise<ModelVersion | undefined> {
  const name = decodeURIComponent(which.slice(1))
  if (which.startsWith('@'))
    return await findVersionByAlias(context, { ...caller, model: model.name, alias: name })
  if (/^\d+$/.test(name))
    return await getModelVersion(context, { ...caller, model: model.name, version: Number(name) })
  const latest = (await listLatestVersions(context, { ...caller, models: [model] })).get(model.name) ?? []
  const ofStage = latest.filter(({ stage }) => stage.toLowerCase() === name.toLowerCase())
  const candidates = name.toLowerCase() === 'latest' ? latest : ofStage
  return candidates.toSorted((a, b) => b.version - a.version)[0]
}

/** What the request says of a version's origin must not be other than what the source says. */
function requireSame(claims: Claims, found: Pick<Location, 'runId' | 'loggedModelId'>): void {
  for (const [name, claimed, known] of [
    ['run_id', claims.runId, found.runId],
    ['model_id', claims.loggedModelId, found.loggedModelId],
  ] as const)
    if (claimed !== undefined && claimed !== known) throw notOfSource(claims.source, name)
}

/** Artifacts stored here must be of the logged model or of the run that the request names. */
async function requireInside(context: Pick<Context, 'db'>, caller: Caller, claims: Claims): Promise<void> {
  const { source, runId, loggedModelId } = claims
  if (runId === undefined && loggedModelId === undefined) return
  const { artifactUri } =
    loggedModelId === undefined
      ? await getRun(context, { ...caller, runId: runId! })
      : await getLoggedModel(context, { ...caller, id: loggedModelId })
  if (!`${folderOf(source)}/`.startsWith(`${folderOf(artifactUri)}/`))
    throw notOfSource(source, loggedModelId === undefined ? 'run_id' : 'model_id')
}

function notOfSource(source: string, name: 'run_id' | 'model_id'): AppError {
  return new AppError(
    'invalid',
    `Invalid model version source: '${source}'. The ${name} request parameter must identify the resource that contains the source.`,
  )
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
