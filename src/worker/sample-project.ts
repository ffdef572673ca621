import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../http/context.ts'
import { localOwner } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import { getRun, startRun, type RunView } from '../pipelines/pipelines.ts'
import { applyProject, type Applied } from '../project/apply.ts'
import { loadProject } from '../project/load.ts'

export const PROJECT = { projectId: 'default', actor: localOwner }

/** A project in a folder of its own, for tests: files by path. */
export function writeProject(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-project-'))
  writeFiles(folder, files)
  return folder
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

export async function applyFolder(context: Context, folder: string): Promise<Applied> {
  const { definition, snapshot, dependencies } = await loadProject(folder)
  return await applyProject(context, { ...PROJECT, definition, snapshot, dependencies, directory: folder })
}

/** Starts a pipeline and waits for its end, at most 50 seconds. */
export async function runToEnd(
  context: Context,
  pipeline: string,
  params: JsonObject = {},
): Promise<RunView> {
  const { id } = await startRun(context, { ...PROJECT, pipeline, params })
  return await waitForEnd(context, id)
}

export async function waitForEnd(context: Context, runId: string): Promise<RunView> {
  return await until(`the end of run ${runId}`, async () => {
    const view = await getRun(context, { ...PROJECT, runId })
    return view.run.finishedMs === null ? undefined : view
  })
}

/** Asks again until there is an answer, at most 50 seconds. */
export async function until<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (const started = performance.now(); performance.now() - started < 50_000; await sleep(20)) {
    const value = await ask()
    if (value !== undefined) return value
  }
  throw new Error(`Waited 50 seconds for ${what}`)
}
