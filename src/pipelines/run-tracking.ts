import type { Context } from '../http/context.ts'
import { systemActor } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import {
  createExperiment,
  createRun,
  findExperimentByName,
  finishRun,
  logBatch,
} from '../tracking/tracking.ts'
import { AppError } from '../kernel/errors.ts'

const actor = systemActor('pipelines')
const MAX_PARAM = 6000

type Reach = Pick<Context, 'db' | 'clock' | 'ids'>

/** Tracking run ids have 32 hex digits: those of the UUID of what they record, so that a retry finds its run again. */
export function trackingIdOf(uuid: string): string {
  return uuid.replaceAll('-', '')
}

/** The experiment of a pipeline bears its name. */
async function experimentOf(context: Reach, projectId: string, pipeline: string): Promise<string> {
  const known = await findExperimentByName(context, { projectId, actor, name: pipeline })
  if (known) return known.id
  try {
    return (await createExperiment(context, { projectId, actor, name: pipeline })).id
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'already_exists') throw error
    return (await findExperimentByName(context, { projectId, actor, name: pipeline }))!.id
  }
}

export interface TrackedRun {
  id: string
  experimentId: string
}

/**
 * Opens the tracking run of a pipeline run, or of an execution inside one; the same one when it is done again. Its start and its end are
 * wall time, as those of attempts: in a replay the domain clock stands still while a step works.
 */
export async function openTrackingRun(
  context: Reach,
  input: {
    projectId: string
    pipeline: string
    /** The pipeline run or the execution. */
    uuid: string
    name: string
    parentUuid?: string
    params: JsonObject
    tags: Readonly<Record<string, string>>
  },
): Promise<TrackedRun> {
  const { projectId, params } = input
  const experimentId = await experimentOf(context, projectId, input.pipeline)
  const id = trackingIdOf(input.uuid)
  await createRun(context, {
    projectId,
    actor,
    id,
    experimentId,
    name: input.name,
    startMs: await context.db.wallTime(),
    ...(input.parentUuid !== undefined && { parentRunId: trackingIdOf(input.parentUuid) }),
    tags: Object.entries(input.tags).map(([key, value]) => ({ key, value })),
  })
  const entries = Object.entries(params).map(([key, value]) => ({ key, value: paramText(value) }))
  if (entries.length > 0)
    await logBatch(context, { projectId, actor, runId: id, params: entries.slice(0, 100) })
  return { id, experimentId }
}

export async function closeTrackingRun(
  context: Reach,
  input: { projectId: string; runId: string; status: 'FINISHED' | 'FAILED' | 'KILLED' },
): Promise<void> {
  await finishRun(context, { ...input, actor, endMs: await context.db.wallTime() })
}

export interface StepMetric {
  key: string
  value: number
  step: number
  timestampMs: number
}

export async function logStepMetrics(
  context: Reach,
  { projectId, runId, metrics }: { projectId: string; runId: string; metrics: readonly StepMetric[] },
): Promise<void> {
  for (let start = 0; start < metrics.length; start += 500) {
    await logBatch(context, { projectId, actor, runId, metrics: metrics.slice(start, start + 500) })
  }
}

function paramText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.slice(0, MAX_PARAM)
}
