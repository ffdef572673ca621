export { eraseRows, type KeyPlace } from './erase-rows.ts'
export { listRedactedVersions, listRedactions } from './store.ts'
