export { bucketOf, BUCKETS } from './assignment.ts'
export { rolloutMetrics, type ProfileCount, type RolloutCount, type RolloutMetric } from './counts.ts'
export { jsonReply, parseJson, toRequest, type GatewayCall, type GatewayReply } from './exchange.ts'
export type { StoredFeedback } from './feedback-log.ts'
export type { LiveDeployment, LiveVariant, Prediction } from './live-deployment.ts'
export { LATENCY_BOUNDS_US } from './stats.ts'
export type { Column, ColumnValue, ReadRow, RouteHeader } from './prediction-rows.ts'
export { MAX_REQUEST_ROWS, parseTime, type InputSpec, type PredictRequest } from './request-inputs.ts'
export {
  readFeedbackSegment,
  readPredictionSegment,
  type FeedbackSegment,
  type PredictionSegment,
} from './segment-content.ts'
export type { SnapshotFolder } from './service-plan.ts'
export { ServingEngine, type ServingOptions } from './serving-engine.ts'
export { feedbackScan, labelledScan, predictionScan } from './scan.ts'
export {
  countSegments,
  findDesiredState,
  findSegment,
  latestGeneration,
  listCandidateLeases,
  listGateways,
  listRolledSegments,
  listSegmentBlobs,
  upsertGateway,
} from './store.ts'
