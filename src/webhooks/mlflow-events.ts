import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { DomainEvent, EventCatalogue, EventKind } from '../kernel/events.ts'
import { getModel, getModelVersion } from '../registry/registry.ts'
import type { Tag } from '../tracking/schema.ts'

const PROMPT_TAG = 'mlflow.prompt.is_prompt'
const PROMPT_TEXT_TAG = 'mlflow.prompt.text'
/** They say what the event says already: that it is a prompt, of which type, and its text. */
const OWN_TAGS = new Set([PROMPT_TAG, PROMPT_TEXT_TAG, '_mlflow_prompt_type'])
const actor = systemActor('webhooks')

const tagged = { name: 'example', key: 'key', value: 'value' }
const versionTagged = { name: 'example', version: '1', key: 'key', value: 'value' }
const withoutValue = { name: 'example', key: 'key' }
const versionWithoutValue = { name: 'example', version: '1', key: 'key' }
const created = { name: 'example', tags: { key: 'value' }, description: 'An example' }
const aliased = { name: 'example', alias: 'champion', version: '1' }
const unaliased = { name: 'example', alias: 'champion' }

/** MLflow's events, each with the data that a test sends. */
export const MLFLOW_EVENTS = {
  'registered_model.created': created,
  'model_version.created': { ...created, version: '1', source: 'models:/m-1', run_id: '0123abcd' },
  'model_version_tag.set': versionTagged,
  'model_version_tag.deleted': versionWithoutValue,
  'model_version_alias.created': aliased,
  'model_version_alias.deleted': unaliased,
  'prompt.created': created,
  'prompt_version.created': { ...created, version: '1', template: 'Hello {{name}}' },
  'prompt_tag.set': tagged,
  'prompt_tag.deleted': withoutValue,
  'prompt_version_tag.set': versionTagged,
  'prompt_version_tag.deleted': versionWithoutValue,
  'prompt_alias.created': aliased,
  'prompt_alias.deleted': unaliased,
} as const
export type MlflowEvent = keyof typeof MLFLOW_EVENTS

export function isMlflowEvent(name: string): name is MlflowEvent {
  return Object.hasOwn(MLFLOW_EVENTS, name)
}

/** What becomes of our events in MLflow's words: for a model, and for a prompt, which is a model with a tag. A model's own tags are no event of MLflow's. */
const TRANSLATIONS = {
  'model.created': ['registered_model.created', 'prompt.created'],
  'model.version_created': ['model_version.created', 'prompt_version.created'],
  'model.tag_set': [undefined, 'prompt_tag.set'],
  'model.tag_deleted': [undefined, 'prompt_tag.deleted'],
  'model.version_tag_set': ['model_version_tag.set', 'prompt_version_tag.set'],
  'model.version_tag_deleted': ['model_version_tag.deleted', 'prompt_version_tag.deleted'],
  'model.alias_set': ['model_version_alias.created', 'prompt_alias.created'],
  'model.alias_deleted': ['model_version_alias.deleted', 'prompt_alias.deleted'],
} as const satisfies Partial<Record<EventKind, readonly [MlflowEvent | undefined, MlflowEvent]>>
type Translated = keyof typeof TRANSLATIONS

/** The event of ours that leads to one of MLflow's. */
export function kindBehind(name: MlflowEvent): EventKind {
  const found = Object.entries(TRANSLATIONS).find(([, names]) => (names as readonly unknown[]).includes(name))
  return found![0] as EventKind
}

/** An event in MLflow's words, with its data; undefined when MLflow has none for it. */
export async function inMlflowWords(
  context: Pick<Context, 'db'>,
  event: DomainEvent,
): Promise<{ name: MlflowEvent; data: object } | undefined> {
  if (!Object.hasOwn(TRANSLATIONS, event.kind)) return undefined
  const payload = event.payload as EventCatalogue[Translated]
  const model = await found(getModel(context, { projectId: event.projectId, actor, name: payload.model }))
  const tags = model?.tags ?? []
  const isPrompt = tags.some(({ key, value }) => key === PROMPT_TAG && value.toLowerCase() === 'true')
  const name = TRANSLATIONS[event.kind as Translated][isPrompt ? 1 : 0]
  if (name === undefined) return undefined
  if (event.kind === 'model.created')
    return {
      name,
      data: { name: payload.model, tags: tagsToTell(tags), description: model?.description ?? '' },
    }
  if (event.kind === 'model.version_created')
    return { name, data: await versionData(context, event, isPrompt) }
  const { model: modelName, ...rest } = payload as { model: string; version?: number; source?: string }
  const { source: _source, version, ...others } = rest
  return {
    name,
    data: { name: modelName, ...(version !== undefined && { version: String(version) }), ...others },
  }
}

async function versionData(
  context: Pick<Context, 'db'>,
  event: DomainEvent,
  isPrompt: boolean,
): Promise<object> {
  const { model, version } = event.payload as EventCatalogue['model.version_created']
  const known = await found(getModelVersion(context, { projectId: event.projectId, actor, model, version }))
  const tags = known?.tags ?? []
  const own = isPrompt
    ? { template: tags.find(({ key }) => key === PROMPT_TEXT_TAG)?.value ?? '' }
    : { source: known?.source ?? '', run_id: known?.runId ?? null }
  return {
    name: model,
    version: String(version),
    ...own,
    tags: tagsToTell(tags),
    description: known?.description || null,
  }
}

function tagsToTell(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(
    tags.filter(({ key }) => !OWN_TAGS.has(key)).map(({ key, value }) => [key, value]),
  )
}

/** Undefined when it has been deleted since. */
async function found<Result>(reading: Promise<Result>): Promise<Result | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  }
}
