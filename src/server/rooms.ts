import type { Hono } from 'hono'
import { routes as benchmarkRoutes } from '../benchmarks/routes.ts'
import { routes as cardRoutes } from '../cards/routes.ts'
import { retireUnusedViews } from '../catalogue/catalogue.ts'
import { routes as catalogueRoutes } from '../catalogue/routes.ts'
import { routes as exploringRoutes } from '../exploring/routes.ts'
import { routes as erasureRoutes } from '../erasure/routes.ts'
import { routes as featureRoutes } from '../materialization/routes.ts'
import { enqueueDueMaterializations, enqueueLostViews } from '../materialization/materialization.ts'
import { consumers as materializationConsumers } from '../materialization/consumers.ts'
import { routes as governanceRoutes } from '../governance/routes.ts'
import { sealAudit } from '../governance/seal.ts'
import { routes as comparingRoutes } from '../comparing/routes.ts'
import type { Authenticate } from '../http/app.ts'
import type { Context } from '../http/context.ts'
import type { Route } from '../http/route.ts'
import type { Consumer } from '../jobs/events.ts'
import { enqueueDueProbes } from '../ingest/probe.ts'
import { routes as ingestRoutes } from '../ingest/routes.ts'
import { consumers as monitoringConsumers } from '../monitoring/consumers.ts'
import { tickMonitors } from '../monitoring/monitoring.ts'
import { routes as monitoringRoutes } from '../monitoring/routes.ts'
import { consumers as pipelineConsumers } from '../pipelines/consumers.ts'
import { runSchedule } from '../pipelines/pipelines.ts'
import { routes as packagingRoutes } from '../packaging/routes.ts'
import { routes as pipelineRoutes } from '../pipelines/routes.ts'
import { routes as privacyRoutes } from '../privacy/routes.ts'
import { routes as projectRoutes } from '../project/routes.ts'
import { routes as promotionRoutes } from '../promotions/routes.ts'
import { feastApp } from '../protocols/feast/feast.ts'
import { consumers as openLineageConsumers } from '../protocols/openlineage/consumers.ts'
import { openLineageRoutes } from '../protocols/openlineage/routes.ts'
import { mlflowApp } from '../protocols/mlflow/mlflow.ts'
import { routes as pushRoutes } from '../pushes/routes.ts'
import { routes as reportRoutes } from '../reports/routes.ts'
import { consumers as rolloutConsumers } from '../rollout/consumers.ts'
import { tickRollouts } from '../rollout/rollout.ts'
import { routes as rolloutRoutes } from '../rollout/routes.ts'
import { routes as registryRoutes } from '../registry/routes.ts'
import { routes as skewRoutes } from '../skew/routes.ts'
import { tickSkew } from '../skew/skew.ts'
import { removeExpiredUploads } from '../tracking/tracking.ts'
import { routes as trackingRoutes } from '../tracking/routes.ts'
import { forgetDeliveries } from '../webhooks/webhooks.ts'
import { consumers as webhookConsumers } from '../webhooks/consumers.ts'
import { routes as webhookRoutes } from '../webhooks/routes.ts'
import { commentRoutes } from './comment-routes.ts'
import { retireByItself } from './gc.ts'
import { lineageRoutes } from './lineage.ts'
import { auditStateRoutes } from './audit-state.ts'
import { overviewRoutes } from './overview.ts'
import { searchRoutes } from './search.ts'
import { purgeErased } from './erased-blobs.ts'
import type { Tick } from './ticker.ts'
import { purgeByItself } from './trash.ts'
import { trashRoutes } from './trash-routes.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'

/** What each room brings to the server. */
export const roomRoutes: readonly Route[] = [
  ...governanceRoutes,
  ...commentRoutes,
  ...searchRoutes,
  ...exploringRoutes,
  ...reportRoutes,
  ...pushRoutes,
  ...ingestRoutes,
  ...privacyRoutes,
  ...erasureRoutes,
  ...featureRoutes,
  ...trackingRoutes,
  ...comparingRoutes,
  ...registryRoutes,
  ...promotionRoutes,
  ...cardRoutes,
  ...packagingRoutes,
  ...overviewRoutes,
  ...auditStateRoutes,
  ...lineageRoutes,
  ...benchmarkRoutes,
  ...pipelineRoutes,
  ...rolloutRoutes,
  ...monitoringRoutes,
  ...skewRoutes,
  ...catalogueRoutes,
  ...projectRoutes,
  ...webhookRoutes,
  ...openLineageRoutes,
  ...trashRoutes,
]

export const roomConsumers: readonly Consumer[] = [
  ...materializationConsumers,
  ...pipelineConsumers,
  ...rolloutConsumers,
  ...monitoringConsumers,
  ...webhookConsumers,
  ...openLineageConsumers,
]

export const roomTicks: readonly Tick[] = [
  { name: 'look for new data', everyMs: 500, run: async (context) => void (await enqueueDueProbes(context)) },
  {
    name: 'bring features up to the present',
    everyMs: 1_000,
    run: async (context) => void (await enqueueDueMaterializations(context)),
  },
  {
    name: 'fill an online store that has lost its data',
    everyMs: 10_000,
    run: async (context) => void (await enqueueLostViews(context)),
  },
  { name: 'seal the audit log', everyMs: 2_000, run: async (context) => void (await sealAudit(context)) },
  { name: 'delete what was erased', everyMs: 2_000, run: purgeErased },
  { name: 'remove abandoned uploads', everyMs: 600_000, run: removeExpiredUploads },
  { name: 'empty the trash', everyMs: HOUR_MS, run: purgeByItself },
  { name: 'let old dataset versions go', everyMs: HOUR_MS, run: retireByItself },
  { name: 'forget old deliveries', everyMs: HOUR_MS, run: forgetDeliveries },
  { name: 'start scheduled pipelines', everyMs: 1_000, run: runSchedule },
  { name: 'judge what is due', everyMs: 1_000, run: tickMonitors },
  { name: 'retire views that nobody uses', everyMs: 60_000, run: retireUnusedViews },
  { name: 'check served features', everyMs: 5_000, run: tickSkew },
  { name: 'control rollouts', everyMs: 250, run: tickRollouts },
]

export type Protocol = (context: Context, authenticate: Authenticate) => Hono

/** Protocols of the field, mounted beside the native API. */
export const protocols: readonly Protocol[] = [mlflowApp, feastApp]
