import { z } from 'zod'
import { dataDefinitions, type DatasetDefinition } from '../data/definition.ts'
import {
  type EntityDefinition,
  featureDefinitions,
  type FeatureServiceDefinition,
  type FeatureViewDefinition,
  type OnDemandDefinition,
} from '../features/definition.ts'
import { monitorSchema, type MonitorDefinition } from '../monitoring/definition.ts'
import { pipelinesDefinitionSchema, type PipelineSource } from '../steps/definition.ts'
import { ModelDefinition } from '../registry/definition.ts'
import { deploymentSchema, type DeploymentDefinition } from '../serving/definition.ts'

/** A project version: its definitions as JSON, grouped by room. Any language may write this document. */
export const projectDefinitionSchema = z.strictObject({
  /** Names the project on the server. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a project’s name has small letters, digits and -'),
  data: dataDefinitions,
  features: featureDefinitions,
  registry: z.strictObject({ models: z.array(ModelDefinition) }),
  pipelines: pipelinesDefinitionSchema,
  serving: z.strictObject({ deployments: z.array(deploymentSchema) }),
  monitoring: z.strictObject({ monitors: z.array(monitorSchema) }),
})
export type ProjectDefinition = z.infer<typeof projectDefinitionSchema>

interface ProjectParts {
  datasets?: readonly DatasetDefinition[]
  entities?: readonly EntityDefinition[]
  views?: readonly FeatureViewDefinition[]
  onDemand?: readonly OnDemandDefinition[]
  services?: readonly FeatureServiceDefinition[]
  models?: readonly ModelDefinition[]
  pipelines?: readonly PipelineSource[]
  deployments?: readonly DeploymentDefinition[]
  monitors?: readonly MonitorDefinition[]
}

/** A project as `tidemill.config.ts` exports it. */
export interface ProjectSource extends Required<ProjectParts> {
  readonly kind: 'project'
  readonly name: string
}

const PARTS = [
  'datasets',
  'entities',
  'views',
  'onDemand',
  'services',
  'models',
  'pipelines',
  'deployments',
  'monitors',
] as const satisfies (keyof ProjectParts)[]

/** Everything that a project declares; the default export of `tidemill.config.ts`. */
export function project(name: string, parts: ProjectParts): ProjectSource {
  const unknown = Object.keys(parts).find((part) => !(PARTS as readonly string[]).includes(part))
  if (unknown !== undefined) {
    throw new TypeError(`project(“${name}”) has no part “${unknown}”; its parts are ${PARTS.join(', ')}`)
  }
  const given = Object.fromEntries(PARTS.map((part) => [part, parts[part] ?? []]))
  return { kind: 'project', name, ...(given as unknown as Required<ProjectParts>) }
}
