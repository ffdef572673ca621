/** The door of the room: bringing model versions behind deployments, and taking them back. */
export { declareDeployments } from './deployments.ts'
export { deploy, type Deployed, type DeployInput } from './deploy.ts'
export { rollBack, stopRollout } from './intervene.ts'
export { tickRollouts } from './controller.ts'
export { addRolloutCounts, addTraffic } from './counts.ts'
export { explainRollout, getDeploymentState, getTimeline, listDeploymentStates } from './overview.ts'
export { expectedDurationMs, planStages } from './planning.ts'
export { findDeployment, getDeployment, getRollout, listDeployments } from './store.ts'
