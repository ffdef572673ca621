import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { importAliases, importModel, importVersion } from '../registry/registry.ts'
import type { LoggedModel } from '../tracking/schema.ts'
import { importLoggedModel } from '../tracking/tracking.ts'
import type { Root } from './artifacts.ts'
import { isMovable } from './source-files.ts'
import type { SourceModel, SourceVersion } from './schema.ts'
import { stageOf } from './source-values.ts'
import { isUnchanged, note, skip, type Session } from './session.ts'
import { listObjects } from './store.ts'

/** Brings in logged models. Returns the artifact roots of those that are here now. */
export async function importLoggedModels(session: Session): Promise<Root[]> {
  const roots: Root[] = []
  session.progress.begin('logged models')
  for await (const page of session.source.listLoggedModels([...session.experiments.keys()])) {
    const known = await listObjects(session.context.db.read, {
      sourceId: session.sourceId,
      kind: 'logged-model',
      keys: page.map(({ id }) => id),
    })
    for (const model of page) {
      session.progress.add(1)
      const experimentId = session.experiments.get(model.experimentId)!.id
      const artifactUri = isMovable(model.artifactUri)
        ? `mlflow-artifacts:/${experimentId}/models/${model.id}/artifacts`
        : model.artifactUri
      const fingerprint = hashJson({
        ...model,
        metrics: model.metrics.map((metric) => ({ ...metric, value: String(metric.value) })),
      })
      if (isUnchanged(known.get(model.id), fingerprint)) session.counts['logged models'].unchanged += 1
      else if (!(await importOne(session, { ...model, experimentId, artifactUri }, fingerprint))) continue
      roots.push({ from: model.artifactUri, to: artifactUri })
    }
  }
  return roots
}

async function importOne(session: Session, model: LoggedModel, fingerprint: string): Promise<boolean> {
  try {
    await importLoggedModel(session.context, {
      ...session.caller,
      model,
      within: (trx) =>
        note(session, trx, [
          { kind: 'logged-model', key: model.id, state: 'written', target: model.id, fingerprint },
        ]),
    })
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'already_exists')) throw error
    skip(session, 'logged models', 'a logged model with this id is here already, in another project')
    return false
  }
  session.counts['logged models'].imported += 1
  return true
}

/** Brings in registered models, their versions and aliases. Roots tell where the files of a version are now. */
export async function importModels(session: Session, roots: readonly Root[]): Promise<void> {
  const byLength = roots.filter(({ from, to }) => from !== '' && from !== to)
  const places = new Map(byLength.map(({ from, to }) => [trimmed(from), to]))
  session.progress.begin('registered models')
  for await (const page of session.source.listModels())
    for (const model of page) {
      session.progress.add(1)
      await importWithVersions(session, model, places)
    }
}

async function importWithVersions(
  session: Session,
  model: SourceModel,
  places: ReadonlyMap<string, string>,
): Promise<void> {
  const { versions, deleted, lastVersion } = await session.source.listVersions(model.name)
  if (deleted > 0) skip(session, 'model versions', 'MLflow has deleted all of them but the number', deleted)
  const { context, sourceId, caller, counts } = session
  const known = (await listObjects(context.db.read, { sourceId, kind: 'model', keys: [model.name] })).get(
    model.name,
  )
  const fingerprint = hashJson({ ...model, lastVersion })
  const isKnown = isUnchanged(known, fingerprint)
  if (!isKnown) {
    const isOurs = await importModel(context, {
      ...caller,
      model,
      imported: known !== undefined,
      within: (trx) => note(session, trx, [{ kind: 'model', key: model.name, state: 'started' }]),
    })
    if (!isOurs) {
      skip(
        session,
        'registered models',
        'a model of this name is here already and was not imported from this source',
      )
      return skip(session, 'model versions', 'their model was skipped', versions.length)
    }
  }
  const keys = versions.map(({ version }) => `${model.name}/${version}`)
  const marks = await listObjects(context.db.read, { sourceId, kind: 'version', keys })
  for (const version of versions)
    await importOneVersion(session, model.name, version, {
      places,
      known: marks.get(`${model.name}/${version.version}`),
    })
  if (isKnown) counts['registered models'].unchanged += 1
  else {
    const { held } = await importAliases(context, {
      ...caller,
      model: model.name,
      aliases: model.aliases,
      lastVersion,
      within: (trx) =>
        note(session, trx, [
          { kind: 'model', key: model.name, state: 'written', target: model.name, fingerprint },
        ]),
    })
    counts['registered models'].imported += 1
    counts.aliases.imported += model.aliases.length - held.length
    for (const alias of held)
      skip(session, 'aliases', `${alias} of ${model.name} is protected here: promote the version`)
  }
}

async function importOneVersion(
  session: Session,
  model: string,
  version: SourceVersion,
  { places, known }: { places: ReadonlyMap<string, string>; known: Parameters<typeof isUnchanged>[0] },
): Promise<void> {
  const key = `${model}/${version.version}`
  const storageLocation = moved(version.storageLocation ?? version.source, places)
  const fingerprint = hashJson({ ...version, storageLocation })
  if (isUnchanged(known, fingerprint)) {
    session.counts['model versions'].unchanged += 1
    return
  }
  const { userId, stage, ...rest } = version
  const loggedModelId = /^models:\/(m-[0-9a-f]{32})/.exec(version.source)?.[1]
  const { isStageHeld } = await importVersion(session.context, {
    ...session.caller,
    version: { ...rest, model, storageLocation, createdBy: userId, stage: stageOf(stage), loggedModelId },
    within: (trx) =>
      note(session, trx, [{ kind: 'version', key, state: 'written', target: key, fingerprint }]),
  })
  session.counts['model versions'].imported += 1
  if (isStageHeld)
    skip(
      session,
      'aliases',
      `the alias that the stage ${stageOf(stage)} of ${key} stands for is protected here: promote it`,
    )
}

/** The place here of files that lay below an artifact root of the source. */
function moved(location: string, places: ReadonlyMap<string, string>): string {
  const parts = trimmed(location).split('/')
  for (let length = parts.length; length > 0; length--) {
    const to = places.get(parts.slice(0, length).join('/'))
    if (to !== undefined) return [to, ...parts.slice(length)].join('/')
  }
  return location
}

/** One form of a URI, with or without `file:` and a slash at the end. */
function trimmed(uri: string): string {
  return uri.replace(/^file:(\/\/(?=\/))?/, '').replace(/\/+$/, '')
}
