import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { z } from 'zod'
import {
  describeBuiltInStep,
  describePipeline,
  describeStep,
  type StepDefinition,
} from '../steps/definition.ts'
import { projectDefinitionSchema, type ProjectDefinition } from './definition.ts'
import { featuresOf } from './feature-services.ts'
import { closureOf, findLock } from './module-graph.ts'
import type { ExportedStep, OpenProject } from './open.ts'
import { pythonClosure } from './python-imports.ts'

/** Stands for the installed packages; it may lie above the project and does not travel with the code. */
const LOCK = 'package-lock.json'

export interface Described {
  definition: ProjectDefinition
  /** Every file of the project that the definitions reach, relative to its folder. */
  files: string[]
  /** The `node_modules` that the project's imports are found in. */
  dependencies: string | undefined
}

/** A project as JSON, with content hashes of all the code that its steps run. */
export async function describeProject(
  root: string,
  open: OpenProject,
  builtIn: readonly object[],
): Promise<Described> {
  const { source, graph } = open
  const { definitions, modules } = await featuresOf(root, source)
  const steps = [...open.steps.values()].map((step) => describeOne(root, open, step))
  const document: unknown = {
    name: source.name,
    data: { datasets: source.datasets },
    features: definitions,
    registry: { models: source.models },
    pipelines: {
      pipelines: source.pipelines.map(describePipeline),
      steps: [...steps, ...builtIn.map(describeBuiltInStep)].sort((a, b) => (a.id < b.id ? -1 : 1)),
    },
    serving: { deployments: source.deployments },
    monitoring: { monitors: source.monitors },
  }
  const parsed = projectDefinitionSchema.safeParse(document)
  if (!parsed.success)
    throw new AppError('invalid', `The project ${source.name}: ${z.prettifyError(parsed.error)}`)
  requireUniqueNames(parsed.data)
  const files = new Set([...graph.keys(), ...modules.keys()])
  for (const step of steps) {
    for (const path of [...Object.keys(step.code), ...Object.keys(step.files)]) files.add(path)
    for (const path of Object.keys(step.environment)) if (path !== LOCK) files.add(path)
  }
  if (existsSync(join(root, 'package.json'))) files.add('package.json')
  return { definition: parsed.data, files: [...files].sort(), dependencies: findDependencies(root) }
}

function describeOne(root: string, { graph }: OpenProject, step: ExportedStep): StepDefinition {
  const { source } = step
  const files = hashAll(root, source.name, source.files ?? [])
  const environment = source.env === undefined ? {} : hashAll(root, source.name, [source.env])
  if (source.kind === 'py') {
    if (!isFile(join(root, source.script!))) throw missing(source.name, source.script!)
    const code = hashAll(root, source.name, pythonClosure(root, source.script!))
    return describeStep(source, { ...step, code, files, environment })
  }
  if (source.kind === 'sh') {
    const named = source.command!.split(/[\s'"=;|&()<>]+/).map((word) => normalize(word))
    const paths = named.filter((path) => path !== '.' && !path.startsWith('..') && isFile(join(root, path)))
    const scripts = paths.flatMap((path) => (path.endsWith('.py') ? pythonClosure(root, path) : [path]))
    return describeStep(source, { ...step, code: hashAll(root, source.name, scripts), files, environment })
  }
  const modules = closureOf(graph, step.module)
  const code = Object.fromEntries(modules.map(({ path, sha256 }) => [path, sha256]))
  const usesPackages = modules.some(({ packages }) => packages.some((name) => name !== 'zod'))
  const lock = usesPackages ? findLock(root) : undefined
  return describeStep(source, {
    ...step,
    code,
    files,
    environment: lock === undefined ? environment : { ...environment, [LOCK]: sha256(readFileSync(lock)) },
  })
}

function hashAll(root: string, step: string, paths: readonly string[]): Record<string, string> {
  const hashes: Record<string, string> = {}
  for (const path of [...new Set(paths)].sort()) {
    if (!isFile(join(root, path)) || normalize(path).startsWith('..')) throw missing(step, path)
    hashes[path] = sha256(readFileSync(join(root, path)))
  }
  return hashes
}

function missing(step: string, path: string): AppError {
  return new AppError('invalid', `The step ${step} names ${path}, which is no file in the project`)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function requireUniqueNames({
  data,
  registry,
  pipelines,
  serving,
  monitoring,
  features,
}: ProjectDefinition): void {
  const lists: Record<string, readonly { name: string }[]> = {
    dataset: data.datasets,
    entity: features.entities,
    'feature view': features.views,
    'feature service': features.services,
    model: registry.models,
    pipeline: pipelines.pipelines,
    deployment: serving.deployments,
    monitor: monitoring.monitors,
  }
  for (const [what, list] of Object.entries(lists)) {
    const names = list.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new AppError('invalid', `The project has two of the ${what} ${twice}`)
  }
}

function findDependencies(root: string): string | undefined {
  for (let folder = normalize(root); ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules')
    if (existsSync(path)) return path
    if (folder === dirname(folder)) return undefined
  }
}
