import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { listPipelines, readStepLog, whyStep } from './inspection.ts'
import { cancelRun, getRun, listRuns, startRun } from './runs.ts'
import { pipelineRunSchema, pipelineSchema, runViewSchema, stepLogSchema, whySchema } from './schema.ts'

const ofRun = z.object({ id: z.string() })
const ofStep = z.object({ id: z.string(), stepId: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/pipelines',
    summary: 'The pipelines of the project, with the JSON Schema of their params and their triggers',
    permission: 'view',
    response: listOf(pipelineSchema),
    handle: async ({ context, actor, projectId }) => ({
      items: await listPipelines(context, { actor, projectId }),
    }),
  }),
  route({
    method: 'POST',
    path: '/pipelines/:name/runs',
    summary: 'Starts a pipeline',
    permission: 'contribute',
    params: z.object({ name: z.string() }),
    body: z.strictObject({ params: z.record(z.string(), z.json()).default({}) }),
    response: pipelineRunSchema,
    handle: ({ context, actor, projectId, params, body }) =>
      startRun(context, { actor, projectId, pipeline: params.name, params: body.params }),
  }),
  route({
    method: 'GET',
    path: '/pipeline-runs',
    summary: 'Pipeline runs, newest first',
    permission: 'view',
    query: z.object({
      pipeline: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
      pageToken: z.string().optional(),
    }),
    response: listOf(pipelineRunSchema),
    handle: ({ context, actor, projectId, query }) => listRuns(context, { actor, projectId, ...query }),
  }),
  route({
    method: 'GET',
    path: '/pipeline-runs/:id',
    summary: 'One pipeline run: its steps in the order of their calls, what it pinned, what it asked for',
    permission: 'view',
    params: ofRun,
    response: runViewSchema,
    handle: ({ context, actor, projectId, params }) =>
      getRun(context, { actor, projectId, runId: params.id }),
  }),
  route({
    method: 'POST',
    path: '/pipeline-runs/:id/cancel',
    summary: 'Asks for a run to end; steps that another run waits for go on',
    permission: 'contribute',
    params: ofRun,
    response: pipelineRunSchema,
    handle: ({ context, actor, projectId, params }) =>
      cancelRun(context, { actor, projectId, runId: params.id }),
  }),
  route({
    method: 'GET',
    path: '/pipeline-runs/:id/steps/:stepId/log',
    summary: 'The log of a step’s last attempt from a byte on, also while it runs',
    permission: 'view',
    params: ofStep,
    query: z.object({ after: z.coerce.number().int().min(0).default(0) }),
    response: stepLogSchema,
    handle: ({ context, actor, projectId, params, query }) =>
      readStepLog(context, {
        actor,
        projectId,
        runId: params.id,
        stepRunId: params.stepId,
        after: query.after,
      }),
  }),
  route({
    method: 'GET',
    path: '/pipeline-runs/:id/steps/:stepId/why',
    summary: 'Why a step ran: what differs from the most similar earlier execution',
    permission: 'view',
    params: ofStep,
    response: whySchema,
    handle: ({ context, actor, projectId, params }) =>
      whyStep(context, { actor, projectId, runId: params.id, stepRunId: params.stepId }),
  }),
]
