export { pendingPushes } from './pending.ts'
export { pushRows } from './push.ts'
export { listPushes, referencedBlobs, updatePush } from './store.ts'
