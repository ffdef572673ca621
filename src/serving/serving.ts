export {
  eventTimeOf,
  jsonReply,
  parseJson,
  toRequest,
  type GatewayCall,
  type GatewayReply,
} from './exchange.ts'
export type { LiveDeployment, LiveVariant, Prediction } from './live-deployment.ts'
export { listGatewayProblems } from './gateway-problems.ts'
export {
  MAX_REQUEST_ROWS,
  serviceInputs,
  takesDatatype,
  takesMissing,
  type InputSpec,
} from './request-inputs.ts'
export type { FeatureEngine, PredictionEngine } from './serving-engine.ts'
export { classProbabilities } from './scoring.ts'
export { LATENCY_BOUNDS_US } from './stats.ts'
export {
  findDesiredState,
  latestGeneration,
  listCandidateLeases,
  listGateways,
  upsertGateway,
} from './store.ts'
