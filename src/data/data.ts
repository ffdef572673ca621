export { declareDatasets, getDataset } from './datasets.ts'
export { byTime, extentOfParts, factsOfParts, partsOnlyIn, unmergeParts } from './parts.ts'
export { concealKept, concealKeptRow, personalColumns } from './personal.ts'
export { protectionOfDataset } from './protection.ts'
export { deleteOutdatedVersions, listOutdatedVersions, type OutdatedVersion } from './retention.ts'
export { lineage } from './store-lineage.ts'
export { insertFindings, listFindings } from './store-personal.ts'
export { listVersionsOldestFirst, updatePart, updateRedacted } from './store-redaction.ts'
export { countParts, holdVersion, lockDataset, lockDatasets } from './store-retention.ts'
export {
  findLatestVersion,
  findVersion,
  findVersionByNumber,
  insertParts,
  insertVersion,
  listDatasets,
  listDeclaredDatasets,
  listPartRows,
  listPersonal,
  referencedBlobs,
} from './store.ts'
export type { DatasetPartRow, DatasetVersionRow } from './tables.ts'
export {
  comparableParts,
  compareVersions,
  getVersion,
  latestVersion,
  listVersions,
  loadManifest,
  loadSummaryState,
  resolveReadable,
  resolveVersion,
  versionScan,
  versionSummary,
  type ReadsBlobs,
} from './versions.ts'
