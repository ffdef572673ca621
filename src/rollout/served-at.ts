import type { Context } from '../http/context.ts'
import type { DesiredDeployment } from '../serving/schema.ts'
import { listDesiredStates } from './store.ts'

/** What a deployment was at a moment, as the document said that gateways followed then. */
export interface ServedAt {
  deployment: string
  model: string
  version: number
  candidate: { version: number; mode: string; weight: number } | null
  /** The generation by which this version became stable, and its wall time. */
  generation: number
  sinceMs: number
}

const BATCH = 50

/** The deployments of a project at a wall time, each with the generation since when its stable version was that. */
export async function listServedAt(
  { db }: Pick<Context, 'db'>,
  { projectId, wallMs }: { projectId: string; wallMs: number },
): Promise<ServedAt[]> {
  let found: Map<string, ServedAt> | undefined
  const open = new Set<string>()
  for (let below = Number.MAX_SAFE_INTEGER; ;) {
    const states = await listDesiredStates(db.read, { wallMs, below, limit: BATCH })
    for (const { document, createdMs } of states) {
      const deployments = document.deployments.filter((each) => each.projectId === projectId)
      if (!found) {
        found = new Map(
          deployments.map((each) => [each.name, servedAs(each, document.generation, createdMs)]),
        )
        for (const name of found.keys()) open.add(name)
      }
      for (const name of open) {
        const served = found.get(name)!
        const then = deployments.find((each) => each.name === name)
        if (then?.stable.model !== served.model || then.stable.version !== served.version) open.delete(name)
        else Object.assign(served, { generation: document.generation, sinceMs: createdMs })
      }
      below = document.generation
    }
    if (states.length < BATCH || open.size === 0) return [...(found ?? new Map<string, ServedAt>()).values()]
  }
}

function servedAs(
  { name, stable, candidate }: DesiredDeployment,
  generation: number,
  sinceMs: number,
): ServedAt {
  return {
    deployment: name,
    model: stable.model,
    version: stable.version,
    candidate: candidate
      ? { version: candidate.version, mode: candidate.mode, weight: candidate.weight }
      : null,
    generation,
    sinceMs,
  }
}
