export { listRedactedVersions, listRedactions } from './store.ts'
