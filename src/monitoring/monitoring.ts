/** The door of the room: what the log and the labels say about a deployment, and what is wrong with it. */
export { declareMonitors } from './monitors.ts'
export { tickMonitors } from './due.ts'
export { getMonitoring } from './overview.ts'
export { listOpenAlerts, findBlockingAlert } from './alerts.ts'
export { referencedBlobs } from './store-labels.ts'
export { lineage } from './store-lineage.ts'
export { logQuality } from './log-quality.ts'
