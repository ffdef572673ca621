import {
  collectDefaultMetrics,
  Registry,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client'
import { LATENCY_BOUNDS_US } from '../serving/serving.ts'
import type { ServingEngine } from '../serving/serving-engine.ts'

type Labels = Record<string, string | number>
type Value = { labels: Labels; value: number; metricName?: string }

/** The gateway's counters, read when they are asked for: nothing is added to a registry on the request path. */
export function gatewayMetrics(engine: ServingEngine): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'tidemill_gateway_' })
  const { stats } = engine
  const routes = (): RouteOf[] =>
    [...stats.routes.values()].filter(({ requests, errors }) => requests + errors > 0)
  const add = (
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    read: () => Value[],
  ): void => {
    registry.registerMetric(collected(`tidemill_${name}`, help, type, read))
  }
  const total = (name: string, help: string, read: () => number): void =>
    add(name, help, 'counter', () => [{ labels: {}, value: read() }])
  const perRoute = (name: string, help: string, read: (route: RouteOf) => number): void =>
    add(name, help, 'counter', () =>
      routes().map((route) => ({ labels: labelsOf(route), value: read(route) })),
    )

  perRoute('requests_total', 'Answered requests', (route) => route.requests)
  perRoute('rows_total', 'Answered rows', (route) => route.rows)
  perRoute('errors_total', 'Requests that a model failed', (route) => route.errors)
  perRoute('violations_total', 'Requests with stale, missing or wrong features', (route) => route.violations)
  add('latency_seconds', 'From the arrival of a request to its answer', 'histogram', () =>
    routes().flatMap((route) => histogramOf(route)),
  )
  total('batches_total', 'Calls of models', () => stats.batches)
  total('batched_rows_total', 'Rows in calls of models', () => stats.batchedRows)
  total('rejected_total', 'Requests answered 503: queue full or deadline passed', () => stats.rejected)
  total('bad_requests_total', 'Requests answered 4xx', () => stats.badRequests)
  total('shadow_dropped_total', 'Shadow requests that were shed', () => stats.shadowDropped)
  total('breaker_trips_total', 'Times a failing candidate was taken out', () => stats.breakerTrips)
  total(
    'log_lost_rows_total',
    'Rows answered but not logged, because the disk refused',
    () => engine.log.lostRows,
  )
  total('feedback_total', 'Labels and rewards taken in', () => stats.feedbackItems)
  total('external_rows_total', 'Predictions of models served elsewhere taken in', () => stats.externalRows)
  total('feature_requests_total', 'Answered requests for features', () => stats.featureRequests)
  total('feature_values_total', 'Values of features answered', () => stats.featureValues)
  total('feature_pushed_rows_total', 'Rows pushed to the online store', () => stats.pushedRows)
  total('feature_push_failures_total', 'Pushed rows that a row function failed', () => stats.pushFailures)
  add('generation', 'Generation of the desired state that is served', 'gauge', () => [
    { labels: {}, value: engine.generation },
  ])
  add('spool_segments', 'Closed segments that are not registered yet', 'gauge', () => [
    { labels: {}, value: engine.spool.pending },
  ])
  add('problems', 'Deployments and versions that could not be loaded', 'gauge', () => [
    { labels: {}, value: Object.keys(engine.problems).length },
  ])
  add('queued_rows', 'Rows that wait for a model', 'gauge', () =>
    modelValues(engine, ({ batcher }) => batcher.queuedRows),
  )
  add('model_max_batch', 'Largest batch that is formed, from the sweep at load', 'gauge', () =>
    modelValues(engine, ({ opened }) => opened.plan.fixedRows ?? opened.sweep.maxBatch),
  )
  add('model_row_seconds', 'Measured cost of one row by itself', 'gauge', () =>
    modelValues(engine, ({ opened }) => opened.sweep.rowUs / 1e6).filter(({ value }) => !Number.isNaN(value)),
  )
  return registry
}

type RouteOf = ServingEngine['stats']['routes'] extends Map<string, infer Route> ? Route : never
type HostOf = ServingEngine['deployments'][number]['stable']['host']

function labelsOf({ project, deployment, variant, version }: RouteOf): Labels {
  return { project, deployment, variant, version }
}

function modelValues(engine: ServingEngine, read: (host: HostOf) => number): Value[] {
  return engine.deployments.flatMap(({ desired, variants }) =>
    variants.map(({ variant, host }) => ({
      labels: {
        project: desired.project,
        deployment: desired.name,
        version: variant.version,
        executor: host.opened.executor.kind,
      },
      value: read(host),
    })),
  )
}

function histogramOf(route: RouteOf): Value[] {
  const labels = labelsOf(route)
  const name = 'tidemill_latency_seconds'
  let sum = 0
  const buckets = LATENCY_BOUNDS_US.map((bound, i) => {
    sum += route.latency[i]!
    return { labels: { ...labels, le: bound / 1e6 }, value: sum, metricName: `${name}_bucket` }
  })
  return [
    ...buckets,
    { labels: { ...labels, le: '+Inf' }, value: route.requests, metricName: `${name}_bucket` },
    { labels, value: route.latencySumUs / 1e6, metricName: `${name}_sum` },
    { labels, value: route.requests, metricName: `${name}_count` },
  ]
}

/** A metric in the registry's own form whose values are read at every scrape. */
function collected(name: string, help: string, type: string, read: () => Value[]): Metric {
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async (): Promise<MetricObjectWithValues<MetricValue<string>>> =>
      ({ name, help, type, aggregator: 'sum', values: read() }) as unknown as MetricObjectWithValues<
        MetricValue<string>
      >,
    reset: () => {},
  }
  return metric as unknown as Metric
}
