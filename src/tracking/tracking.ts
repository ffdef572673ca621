export {
  createExperiment,
  defaultExperiment,
  deleteExperimentTag,
  findExperimentByName,
  getExperiment,
  renameExperiment,
  searchExperiments,
  setExperimentLifecycle,
  setExperimentTag,
} from './experiments.ts'
export { countRunsUpTo } from './store.ts'
export { createRun, finishRun, getRun, readRuns, updateRun } from './runs.ts'
export { deleteRunTag, logBatch, logInputs, recordModel } from './log-batch.ts'
export { getMetricHistory, readCurve, readMetricHistory } from './history.ts'
export { sampleHistories } from './sampling.ts'
export {
  createLoggedModel,
  getLoggedModel,
  rewriteLoggedModelTag,
  searchLoggedModels,
  updateLoggedModel,
} from './logged-models.ts'
export {
  deleteArtifacts,
  getArtifact,
  listArtifacts,
  listFilesAt,
  listRunArtifacts,
  putArtifact,
  putRunArtifact,
} from './artifacts.ts'
export { folderOf, isStoredHere } from './artifact-uris.ts'
export { importArtifacts, importExperiment, importLoggedModel } from './import-experiments.ts'
export {
  findTakenRunIds,
  importRunPieces,
  listRunParams,
  streamRunPoints,
  type RunPiece,
} from './import-runs.ts'
export { abortUpload, completeUpload, createUpload, putUploadPart, removeExpiredUploads } from './uploads.ts'
export { requireSignature, signAccess } from './signing.ts'
export { requireKey } from './keys.ts'
export { requireOwn } from './step-scope.ts'
export { emptyTrash, listTrash, sweepOrphans } from './trash.ts'
export { findRuns } from './run-search.ts'
export { summarizeDatasets } from './datasets.ts'
export { referencedBlobs } from './store-artifacts.ts'
export { lineage } from './store-lineage.ts'
export { getRunRow, lifecycleSql, listChildRows, toRun } from './store.ts'
export { runSearchable, searchRunRows } from './store-run-search.ts'
export { toMetric } from './store-values.ts'
export type { Lifecycle, RunRow } from './tables.ts'
export { MAX_BULK, setRunsLifecycle, tagRuns } from './run-bulk.ts'
