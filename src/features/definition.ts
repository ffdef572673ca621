import { z } from 'zod'
import type { DatasetDefinition } from '../data/definition.ts'
import { AppError } from '../kernel/errors.ts'
import {
  aboutFeatures,
  aboutFields,
  describedBy,
  descriptions,
  toList,
  type AboutOptions,
  type DescribedKinds,
} from './about.ts'
import { feature, type FeatureKind } from './feature.ts'
import type { FeatureServiceSpec, OnDemandSpec, ServedFeature, ViewSpec } from './schema.ts'
import {
  entityDefinition,
  featureViewDefinition,
  modulePath,
  name,
  resolveView,
  type EntityDefinition,
  type FeatureViewDefinition,
} from './view-definition.ts'

export {
  entityDefinition,
  featureView,
  knownColumnsOf,
  resolveView,
  withRowModule,
  type EntityDefinition,
  type FeatureViewDefinition,
} from './view-definition.ts'

export const onDemandDefinition = z.strictObject({
  kind: z.literal('onDemand'),
  name,
  module: z.string().min(1),
  export: z.string().min(1),
  inputs: z.array(feature),
  outputs: z.array(feature).min(1),
  budgetMs: z.number().positive().default(1),
  ...aboutFeatures,
})
export type OnDemandDefinition = z.infer<typeof onDemandDefinition>

const requestDefinition = z.strictObject({
  kind: z.literal('request'),
  features: z.array(feature).min(1),
  descriptions: descriptions.optional(),
})
export type RequestDefinition = z.infer<typeof requestDefinition>

const featureServiceDefinition = z.strictObject({
  kind: z.literal('featureService'),
  name,
  of: z.array(z.union([z.string().min(1), requestDefinition])).min(1),
  ...aboutFields,
})
export type FeatureServiceDefinition = z.infer<typeof featureServiceDefinition>

/** What the room `features` contributes to a project's JSON document. */
export const featureDefinitions = z.strictObject({
  entities: z.array(entityDefinition),
  views: z.array(featureViewDefinition),
  onDemand: z.array(onDemandDefinition),
  services: z.array(featureServiceDefinition),
})
export type FeatureDefinitions = z.infer<typeof featureDefinitions>

/**
 * What features are about. `key` names the column and the request field that identify it. `owner`, `description` and `tags` are for
 * people, here and in every other definition of features: changing them computes nothing anew.
 */
export function entity(name: string, options: { key: string } & AboutOptions): EntityDefinition {
  return entityDefinition.parse({ kind: 'entity', name, ...options })
}

/**
 * Features computed from a request by a pure synchronous function: `(request) => outputs`, exported by a module of its
 * own (`module: import.meta.url`), the same in training and in the gateway. A timestamp is given as ms since the
 * epoch, a missing field as null. A call over `budgetMs` is counted as a violation; its value is still used.
 */
export function onDemand(
  name: string,
  options: {
    inputs: Readonly<Record<string, FeatureKind>>
    outputs: DescribedKinds
    module: string
    export: string
    budgetMs?: number
  } & AboutOptions,
): OnDemandDefinition {
  const { inputs, outputs, ...rest } = options
  return onDemandDefinition.parse({
    kind: 'onDemand',
    name,
    ...rest,
    inputs: toList(inputs),
    outputs: toList(outputs),
    ...describedBy(outputs),
  })
}

/** Fields of a request that are features as they are. */
export function requestFeatures(features: DescribedKinds): RequestDefinition {
  return requestDefinition.parse({ kind: 'request', features: toList(features), ...describedBy(features) })
}

/**
 * The features that a model uses, in this order: all of a view, all outputs of an on-demand feature, request
 * features, or one feature as `'view:feature'`.
 */
export function featureService(
  name: string,
  of: readonly (FeatureViewDefinition | OnDemandDefinition | RequestDefinition | string)[],
  about: AboutOptions = {},
): FeatureServiceDefinition {
  return featureServiceDefinition.parse({
    kind: 'featureService',
    name,
    ...about,
    of: of.map((reference) =>
      typeof reference === 'string' || reference.kind === 'request' ? reference : reference.name,
    ),
  })
}

/** An on-demand feature with its module as a path inside the project, as a project version stores it. */
export function withModulePath(definition: OnDemandDefinition, projectDirectory: string): OnDemandDefinition {
  const what = `The on-demand feature ${definition.name}`
  return { ...definition, module: modulePath(what, definition.module, projectDirectory) }
}

/** A feature service complete with everything it names. Throws `invalid` for what is unknown or named twice. */
export function resolveService(
  service: FeatureServiceDefinition,
  definitions: FeatureDefinitions,
  datasets: readonly DatasetDefinition[],
): FeatureServiceSpec {
  const views = new Map<string, ViewSpec>()
  const functions = new Map<string, OnDemandSpec>()
  const features: ServedFeature[] = []
  for (const reference of service.of) {
    if (typeof reference !== 'string') {
      features.push(
        ...reference.features.map((each) => ({ ...each, from: 'request' as const, source: 'request' })),
      )
      continue
    }
    const [source = '', only] = reference.split(':')
    const found = findSource(service.name, source, definitions)
    if (found.kind === 'featureView') views.set(source, resolveView(found, definitions.entities, datasets))
    else functions.set(source, toOnDemandSpec(found))
    const from = found.kind === 'featureView' ? ('view' as const) : ('on_demand' as const)
    const all = found.kind === 'featureView' ? found.features : found.outputs
    const chosen = only === undefined ? all : all.filter((each) => each.name === only)
    if (chosen.length === 0)
      throw new AppError(
        'invalid',
        `The feature service ${service.name} names ${reference}, but ${source} has no feature ${only}`,
      )
    features.push(...chosen.map((each) => ({ ...each, from, source })))
  }
  const repeated = features.find(
    ({ name }, index) => features.findIndex((other) => other.name === name) !== index,
  )
  if (repeated)
    throw new AppError(
      'invalid',
      `The feature service ${service.name} has the feature ${repeated.name} twice`,
    )
  const entities = new Map(
    [...views.values()].map((view) => [view.entity, { name: view.entity, key: view.entityKey }]),
  )
  return {
    name: service.name,
    entities: [...entities.values()],
    views: [...views.values()],
    onDemand: [...functions.values()],
    features,
  }
}

function findSource(
  service: string,
  source: string,
  definitions: FeatureDefinitions,
): FeatureViewDefinition | OnDemandDefinition {
  const view = definitions.views.find(({ name }) => name === source)
  const onDemand = definitions.onDemand.find(({ name }) => name === source)
  if (view && onDemand)
    throw new AppError('invalid', `${source} is both a feature view and an on-demand feature: rename one`)
  const found = view ?? onDemand
  if (found) return found
  throw new AppError(
    'invalid',
    `The feature service ${service} names ${source}, which is no feature view or on-demand feature of the project`,
  )
}

export function toOnDemandSpec(definition: OnDemandDefinition): OnDemandSpec {
  const { name, module, inputs, outputs, budgetMs } = definition
  return { name, module, export: definition.export, inputs, outputs, budgetMs }
}
