/** The door of the room: bringing model versions behind deployments, and taking them back. */
export { declareDeployments } from './deployments.ts'
export { deploy } from './deploy.ts'
export { rollBack, stopRollout } from './intervene.ts'
export { tickRollouts } from './controller.ts'
export { addRolloutCounts, addTraffic } from './counts.ts'
export { explainRollout, getDeploymentState, getTimeline, listDeploymentStates } from './overview.ts'
export { getDeployment, getRollout, listDeployments } from './store.ts'
export { lineage } from './store-lineage.ts'
