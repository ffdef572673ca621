import { QueryClient, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type * as Answer from './answers.ts'

/** Under /p/<project> both the pages and their data belong to that project. */
export const base = /^\/p\/[^/]+/.exec(location.pathname)?.[0] ?? ''
const root = `${base}/api/v1`

export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>
  constructor(message: string, code: string, status: number, details: Record<string, unknown> = {}) {
    super(message)
    this.code = code
    this.status = status
    this.details = details
  }
}

export async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(root + path, init).catch(() => {
    throw new ApiError('The server does not answer.', 'unavailable', 0)
  })
  if (response.ok) return (await response.json()) as T
  if (response.status === 401 && location.pathname !== '/sign-in' && path !== '/sign-in') goToSignIn()
  const body = (await response.json().catch(() => ({}))) as {
    error?: { code?: string; message?: string; details?: Record<string, unknown> }
  }
  throw new ApiError(
    body.error?.message ?? `The server answered ${response.status}.`,
    body.error?.code ?? 'internal',
    response.status,
    body.error?.details,
  )
}

/** And back to this very page. */
function goToSignIn(): void {
  const here = location.pathname + location.search + location.hash
  location.assign(`/sign-in?return=${encodeURIComponent(here)}`)
}

export function send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body: unknown = {}) {
  return request<T>(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

export function post<T>(path: string, body?: unknown): Promise<T> {
  return send('POST', path, body)
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      gcTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
})

type Query = Record<string, string | number | undefined>

export function search(query: Query): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== '') params.set(key, String(value))
  const text = params.toString()
  return text === '' ? '' : `?${text}`
}

export const at = encodeURIComponent

/** A thing: its own page; what was shown for another thing must never stand under its name. */
export function one<T>(room: string, path: string) {
  return queryOptions({ queryKey: [room, path], queryFn: () => request<T>(path) })
}

/** A list: what was shown stays while a new filter loads. */
export function many<T>(room: string, path: string, query: Query = {}) {
  const full = path + search(query)
  return queryOptions({
    queryKey: [room, full],
    queryFn: () => request<T>(full),
    placeholderData: keepPreviousData,
  })
}

export const overview = () => one<Answer.Overview>('overview', '/overview')

export const decisions = (query: {
  subjectType?: string
  subjectId?: string
  kind?: string
  limit?: number
}) => many<Answer.Page<Answer.Decision>>('decisions', '/decisions', query)

export const experiments = () =>
  many<Answer.Page<Answer.Experiment>>('experiments', '/experiments', { limit: 1000 })

/** The best first: experiments, runs, models, versions, datasets, deployments, pipelines. */
export const foundBy = (text: string) =>
  queryOptions({
    queryKey: ['search', text],
    queryFn: () => request<Answer.Page<Answer.Found>>(`/search${search({ q: text })}`),
    placeholderData: keepPreviousData,
    enabled: text !== '',
  })

export const describeRun = (id: string, text: string) => send('PUT', `/runs/${at(id)}/note`, { text })

export const pipelines = () => many<Answer.Page<Answer.PipelineItem>>('pipelines', '/pipelines')
export const pipelineRuns = (query: { pipeline?: string; limit?: number }) =>
  many<Answer.Page<Answer.PipelineRunItem>>('pipelines', '/pipeline-runs', query)
export const pipelineRun = (id: string) => one<Answer.PipelineRun>('pipelines', `/pipeline-runs/${at(id)}`)
export const stepLog = (runId: string, stepId: string) =>
  one<Answer.StepLog>('pipelines', `/pipeline-runs/${at(runId)}/steps/${at(stepId)}/log?after=0`)
export const stepWhy = (runId: string, stepId: string) =>
  one<Answer.StepWhy>('pipelines', `/pipeline-runs/${at(runId)}/steps/${at(stepId)}/why`)
export const startPipeline = (name: string, params: Record<string, unknown>) =>
  post<{ id: string }>(`/pipelines/${at(name)}/runs`, { params })

export const models = () => many<Answer.Page<Answer.ModelItem>>('registry', '/models')
export const model = (name: string) => one<Answer.ModelDetail>('registry', `/models/${at(name)}`)
export const modelVersion = (name: string, version: number) =>
  one<Answer.ModelVersion>('registry', `/models/${at(name)}/versions/${version}`)

export const describeModel = (name: string, description: string) =>
  send('PATCH', `/models/${at(name)}`, { description })
export const setOwner = (name: string, owner: string) => send('PATCH', `/models/${at(name)}`, { owner })
export const describeVersion = (name: string, version: number, description: string) =>
  send('PATCH', `/models/${at(name)}/versions/${version}`, { description })
const modelPath = (name: string, version?: number) =>
  `/models/${at(name)}${version === undefined ? '' : `/versions/${version}`}`
export const modelUses = (name: string, version?: number) =>
  one<Answer.Page<Answer.VersionUse>>('rollout', `${modelPath(name, version)}/uses`)
export const removeModel = (name: string, version?: number) => send('DELETE', modelPath(name, version))

export const deployments = () => many<Answer.Page<Answer.Deployment>>('rollout', '/deployments')
export const deployment = (name: string) => one<Answer.Deployment>('rollout', `/deployments/${at(name)}`)
export const timeline = (name: string, query: { fromMs?: number; toMs?: number }) =>
  many<Answer.Timeline>('rollout', `/deployments/${at(name)}/timeline`, query)
export const rollout = (id: string) => one<Answer.RolloutDetail>('rollout', `/rollouts/${at(id)}`)
export const rollBack = (deployment: string, reason: string) =>
  post<{ sentence: string }>(`/deployments/${at(deployment)}/rollback`, reason === '' ? {} : { reason })
export const takeDown = (deployment: string, reason: string) =>
  post<{ sentence: string }>(`/deployments/${at(deployment)}/take-down`, reason === '' ? {} : { reason })
export const stopRollout = (rolloutId: string, reason: string) =>
  post<{ sentence: string }>(`/rollouts/${at(rolloutId)}/stop`, reason === '' ? {} : { reason })

export const monitoring = (deployment: string) =>
  one<Answer.Monitoring>('monitoring', `/monitoring/${at(deployment)}`)
export const alerts = (query: { state?: string; deployment?: string }) =>
  many<Answer.Page<Answer.Alert>>('monitoring', '/alerts', query)
