import { z } from 'zod'
import type { Context } from '../http/context.ts'
import { STATUS } from '../http/errors.ts'
import { mayActor, type Actor } from '../kernel/actor.ts'
import { AppError, toAppError } from '../kernel/errors.ts'
import { externalPredictionSchema, feedbackSchema } from '../prediction-log/schema.ts'
import { jsonReply, parseJson, type GatewayCall, type GatewayReply } from '../serving/serving.ts'
import type { ServingEngine } from '../serving/serving-engine.ts'

import { projectIdOf } from './access.ts'

const MAX_ITEMS = 10_000

export function nativeError(error: unknown): GatewayReply {
  const { code, message, details } = toAppError(error)
  const headers = code === 'unavailable' ? { 'retry-after': '1' } : undefined
  return jsonReply(STATUS[code], { error: { code, message, details } }, headers)
}

/** `POST /feedback`: one item or a list; answered once all of it is on disk. */
export async function answerFeedback(
  context: Context,
  engine: ServingEngine,
  call: GatewayCall,
): Promise<GatewayReply> {
  const body = parseJson(call.body)
  const items = parseItems(feedbackSchema, Array.isArray(body) ? body : [body])
  const projectId = await projectIdOf(context, engine, call.project)
  const ids = await engine.feedback(projectId, items)
  return jsonReply(200, { accepted: ids.length, feedback_ids: ids })
}

/** `POST /api/v1/predictions`: a list of predictions made elsewhere. */
export async function answerExternal(
  context: Context,
  engine: ServingEngine,
  call: GatewayCall,
): Promise<GatewayReply> {
  const body = parseJson(call.body)
  if (!Array.isArray(body)) throw new AppError('invalid', 'The body must be a JSON list of predictions')
  const rows = parseItems(externalPredictionSchema, body)
  engine.external(await projectIdOf(context, engine, call.project), rows)
  return jsonReply(200, { accepted: rows.length })
}

/** `POST /control/flush`, in a replay: closes the open segments and answers once they are registered. */
export async function answerFlush(engine: ServingEngine): Promise<GatewayReply> {
  if (!engine.replay) throw new AppError('invalid', '/control/flush is for a replay only')
  await engine.flush()
  return jsonReply(200, { flushed: true })
}

/** That it lives; what is loaded and how it runs, to who may see all projects. */
export function answerHealth(engine: ServingEngine, actor: Actor): GatewayReply {
  if (!mayActor(actor, 'view', '*')) return jsonReply(200, { generation: engine.generation })
  const deployments = engine.deployments.map(({ desired, variants }) => ({
    project: desired.project,
    name: desired.name,
    versions: variants.map(({ variant, host }) => ({
      version: variant.version,
      executor: host.opened.executor.kind,
      maxBatch: host.opened.plan.fixedRows ?? host.opened.sweep.maxBatch,
      rowUs: Math.round(host.opened.sweep.rowUs * 10) / 10,
      loadMs: Math.round(host.opened.sweep.loadMs * 10) / 10,
    })),
  }))
  return jsonReply(200, { generation: engine.generation, deployments, problems: engine.problems })
}

function parseItems<Schema extends z.ZodType>(schema: Schema, items: readonly unknown[]): z.output<Schema>[] {
  if (items.length > MAX_ITEMS)
    throw new AppError('invalid', `The list has ${items.length} items; at most ${MAX_ITEMS} fit`)
  return items.map((item, i) => {
    const parsed = schema.safeParse(item)
    if (parsed.success) return parsed.data
    throw new AppError('invalid', `Item ${i}: ${z.prettifyError(parsed.error)}`)
  })
}
