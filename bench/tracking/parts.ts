import { LONG_RUN, PAGE_POINTS, PAGE_RUN } from './fill.ts'
import type { HttpClient } from './http-client.ts'

const BATCH = 1000

/** One kind of work that is measured: the same requests for both servers. */
export interface Part {
  name: string
  title: string
  clients: number
  /** How many things one piece of work does. Default 1. */
  size?: number
  /** Clients that log metrics all the while, beside those that are measured. */
  writers?: number
  /** Once for each server and round is enough. */
  once?: boolean
  prepare: (http: HttpClient, clients: number) => Promise<(client: number) => Promise<unknown>>
}

const search = (body: object): Part['prepare'] => {
  return async (http) => () => http.post('runs/search', { experiment_ids: ['0'], ...body })
}
const BEST = { filter: 'metrics.auc > 0.9', order_by: ['metrics.auc DESC'], max_results: 100 }
const history = (runId: string, more: string): string =>
  `metrics/get-history?run_id=${runId}&metric_key=curve&max_results=${PAGE_POINTS}${more}`

export const PARTS: readonly Part[] = [
  { name: 'log-metric', title: 'log-metric', clients: 1, prepare: logMetrics },
  { name: 'log-metric', title: 'log-metric, 8 clients', clients: 8, prepare: logMetrics },
  { name: 'log-batch', title: 'log-batch of 1,000 metrics', clients: 1, size: BATCH, prepare: logBatches },
  {
    name: 'log-batch',
    title: 'log-batch of 1,000 metrics, 8 clients',
    clients: 8,
    size: BATCH,
    prepare: logBatches,
  },
  { name: 'create-run', title: 'create-run', clients: 1, prepare: async (http) => () => http.createRun() },
  {
    name: 'create-run',
    title: 'create-run, 8 clients',
    clients: 8,
    prepare: async (http) => () => http.createRun(),
  },
  {
    name: 'search',
    title: 'search, newest 100',
    clients: 1,
    prepare: search({ max_results: 100 }),
  },
  { name: 'search', title: 'search, newest 1,000', clients: 1, prepare: search({ max_results: 1000 }) },
  { name: 'search', title: 'search, best 100 with a metric filter', clients: 1, prepare: search(BEST) },
  {
    name: 'search',
    title: 'search, 100 with a param filter',
    clients: 1,
    prepare: search({ filter: "params.depth = '7'", max_results: 100 }),
  },
  {
    name: 'writers',
    title: 'search, newest 100, beside 8 writers',
    clients: 1,
    writers: 8,
    prepare: search({ max_results: 100 }),
  },
  {
    name: 'history',
    title: 'history of 25,000 points',
    clients: 1,
    prepare: async (http) => () => http.get(history(PAGE_RUN, '')),
  },
  {
    name: 'history',
    title: 'a long history, page by page',
    clients: 1,
    once: true,
    prepare: async (http) => () => readWhole(http),
  },
  {
    name: 'history',
    title: 'a long history, thinned to 320 points',
    clients: 1,
    prepare: async (http) => () =>
      http.get(`metrics/get-history-bulk-interval?run_ids=${LONG_RUN}&metric_key=curve&max_results=320`),
  },
]

export async function logMetrics(
  http: HttpClient,
  clients: number,
): Promise<(client: number) => Promise<unknown>> {
  const runs = await createRuns(http, clients)
  const steps = runs.map(() => 0)
  return (client) => {
    const step = steps[client]!++
    return http.post('runs/log-metric', {
      run_id: runs[client]!,
      key: 'loss',
      value: Math.sin(step),
      timestamp: 1_700_000_000_000 + step,
      step,
    })
  }
}

async function logBatches(http: HttpClient, clients: number): Promise<(client: number) => Promise<unknown>> {
  const runs = await createRuns(http, clients)
  const steps = runs.map(() => 0)
  return (client) => {
    const first = steps[client]!
    steps[client] = first + BATCH
    const metrics = Array.from({ length: BATCH }, (_, index) => {
      const step = first + index
      return { key: `curve${index % 4}`, value: Math.sin(step), timestamp: 1_700_000_000_000 + step, step }
    })
    return http.post('runs/log-batch', { run_id: runs[client]!, metrics })
  }
}

async function createRuns(http: HttpClient, count: number): Promise<string[]> {
  const runs: string[] = []
  for (let index = 0; index < count; index++) runs.push(await http.createRun())
  return runs
}

async function readWhole(http: HttpClient): Promise<void> {
  let token: string | undefined
  do {
    const more = token === undefined ? '' : `&page_token=${encodeURIComponent(token)}`
    const answer = await http.get(history(LONG_RUN, more))
    token = /"next_page_token": ?"([^"]+)"/.exec(answer.slice(-1000))?.[1]
  } while (token !== undefined)
}
