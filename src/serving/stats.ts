import type { VariantName } from '../prediction-log/schema.ts'

/** Upper bounds of the latency buckets, in microseconds. */
export const LATENCY_BOUNDS_US = [
  100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
] as const

/** Plain counters of one variant of a deployment: adding to them costs nothing on the request path. */
export class RouteStats {
  readonly project: string
  readonly deployment: string
  readonly variant: VariantName
  readonly version: number
  requests = 0
  rows = 0
  errors = 0
  violations = 0
  latencySumUs = 0
  readonly latency = new Float64Array(LATENCY_BOUNDS_US.length + 1)

  constructor(project: string, deployment: string, variant: VariantName, version: number) {
    this.project = project
    this.deployment = deployment
    this.variant = variant
    this.version = version
  }

  answered(rows: number, latencyUs: number): void {
    this.requests += 1
    this.rows += rows
    this.latencySumUs += latencyUs
    let bucket = 0
    while (bucket < LATENCY_BOUNDS_US.length && latencyUs > LATENCY_BOUNDS_US[bucket]!) bucket += 1
    this.latency[bucket]! += 1
  }
}

/** Everything a gateway counts, as its `/metrics` shows it. */
export class ServingStats {
  readonly routes = new Map<string, RouteStats>()
  batches = 0
  batchedRows = 0
  shadowDropped = 0
  rejected = 0
  breakerTrips = 0
  badRequests = 0
  feedbackItems = 0
  externalRows = 0
  featureRequests = 0
  featureValues = 0
  pushedRows = 0
  pushFailures = 0

  route(project: string, deployment: string, variant: VariantName, version: number): RouteStats {
    const key = `${project}/${deployment}/${variant}/${version}`
    let stats = this.routes.get(key)
    if (stats === undefined) {
      stats = new RouteStats(project, deployment, variant, version)
      this.routes.set(key, stats)
    }
    return stats
  }
}
