import { existsSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AppError, messageOf } from '../kernel/errors.ts'
import {
  builtInStepId,
  stepId,
  stepSource,
  type PipelineSource,
  type StepSource,
} from '../steps/definition.ts'
import type { ProjectSource } from './definition.ts'
import { closureOf, moduleGraph, type ProjectModule } from './module-graph.ts'

const CONFIG_FILES = [
  'tidemill.config.ts',
  'tidemill.config.mts',
  'tidemill.config.js',
  'tidemill.config.mjs',
]

export interface ExportedStep {
  id: string
  source: StepSource
  module: string
  export: string
}

/** A project whose modules are loaded into this process. */
export interface OpenProject {
  source: ProjectSource
  graph: Map<string, ProjectModule>
  pipelines: ReadonlyMap<string, PipelineSource>
  /** The project's own steps by id. */
  steps: ReadonlyMap<string, ExportedStep>
  /** The id of an exported step, or of a built-in one; undefined for a step that no module exports. */
  idOf(step: object): string | undefined
}

export function findConfig(root: string): string | undefined {
  return CONFIG_FILES.find((name) => existsSync(join(root, name)))
}

/**
 * Imports a project. Its own code runs, so this is done in a child process. Throws `invalid` with file and line for
 * what is wrong in it.
 */
export async function openProject(root: string): Promise<OpenProject> {
  const config = findConfig(root)
  if (config === undefined) throw new AppError('not_found', `There is no ${CONFIG_FILES[0]} in ${root}`)
  const graph = await moduleGraph(root, [config])
  const source = (await importFrom(root, config))['default']
  if (!isProject(source)) {
    throw new AppError('invalid', `${config} must export a project: export default project('name', { … })`)
  }
  const steps = await exportedSteps(root, graph)
  return {
    source,
    graph,
    pipelines: new Map(source.pipelines.map((pipeline) => [pipeline.name, pipeline])),
    steps: new Map([...steps.values()].map((step) => [step.id, step])),
    idOf(step) {
      const made = stepSource(step)
      return made?.kind === 'built_in' ? builtInStepId(made.name) : steps.get(step)?.id
    },
  }
}

function isProject(value: unknown): value is ProjectSource {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'project'
}

/**
 * The steps that modules export. A step that several modules export belongs to the one that reaches the fewest
 * modules: the others only pass it on.
 */
async function exportedSteps(
  root: string,
  graph: Map<string, ProjectModule>,
): Promise<Map<object, ExportedStep>> {
  const found = new Map<object, ExportedStep & { reach: number }>()
  for (const path of graph.keys()) {
    if (extname(path) === '.json') continue
    const reach = closureOf(graph, path).length
    for (const [name, value] of Object.entries(await importFrom(root, path))) {
      const source = stepSource(value)
      if (!source || source.kind === 'built_in') continue
      const known = found.get(value as object)
      if (known && (known.reach < reach || (known.reach === reach && known.module < path))) continue
      const origin = { module: path, export: name }
      found.set(value as object, { ...origin, id: stepId(origin), source, reach })
    }
  }
  return found
}

async function importFrom(root: string, path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(join(root, path)).href)) as Record<string, unknown>
  } catch (error) {
    const where = locationIn(root, error)
    throw new AppError('invalid', `${where ?? path}: ${firstLine(messageOf(error))}`, { cause: error })
  }
}

/** The first place in the project that an error's stack names, as `file:line`. */
export function locationIn(root: string, error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const [, url, line] of stack.matchAll(/(file:\/\/[^\s)]+?):(\d+)/g)) {
    const path = fileURLToPath(url!)
    if (path.startsWith(`${root}/`)) return `${path.slice(root.length + 1)}:${line}`
  }
  return undefined
}

function firstLine(text: string): string {
  return text.split('\n')[0]!
}
