export {
  eventTimeOf,
  jsonReply,
  parseJson,
  toRequest,
  type GatewayCall,
  type GatewayReply,
} from './exchange.ts'
export { eraseFromLog, findFeedback, findPredictions } from './erase-log.ts'
export type { LiveDeployment, LiveVariant, Prediction } from './live-deployment.ts'
export { listGatewayProblems } from './gateway-problems.ts'
export { queryLog } from './log-query.ts'
export type { Column, ColumnValue, RouteHeader } from './prediction-rows.ts'
export { MAX_REQUEST_ROWS, type InputSpec } from './request-inputs.ts'
export { feedbackScan, labelledScan, predictionScan } from './scan.ts'
export { readFeedbackSegment, readPredictionSegment, type PredictionSegment } from './segment-content.ts'
export {
  ServingEngine,
  type FeatureEngine,
  type PredictionEngine,
  type ServingOptions,
} from './serving-engine.ts'
export { StandaloneEngine } from './standalone-engine.ts'
export { LATENCY_BOUNDS_US } from './stats.ts'
export {
  findDesiredState,
  findSegment,
  latestGeneration,
  listCandidateLeases,
  listGateways,
  listRolledSegments,
  referencedBlobs,
  upsertGateway,
} from './store.ts'
