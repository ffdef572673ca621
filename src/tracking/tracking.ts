export {
  createExperiment,
  deleteExperimentTag,
  findExperimentByName,
  getExperiment,
  renameExperiment,
  searchExperiments,
  setExperimentLifecycle,
  setExperimentTag,
} from './experiments.ts'
export {
  createRun,
  finishRun,
  getRun,
  listChildRuns,
  searchRuns,
  setRunLifecycle,
  updateRun,
  type CreateRun,
  type SearchRuns,
} from './runs.ts'
export { deleteRunTag, logBatch, logInputs, type LogBatch } from './log-batch.ts'
export { getMetricHistory, getThinnedHistory, sampleHistories } from './history.ts'
export {
  createLoggedModel,
  getLoggedModel,
  searchLoggedModels,
  updateLoggedModelState,
} from './logged-models.ts'
export {
  deleteArtifacts,
  folderOf,
  getArtifact,
  listArtifacts,
  listRunArtifacts,
  putArtifact,
  putRunArtifact,
  type ArtifactContent,
} from './artifacts.ts'
export { summarizeDatasets } from './datasets.ts'
export { filterSql, orderSql, type Searchable } from './store-search.ts'
export { searchPage, type Page, type Search } from './store.ts'
export type { Comparison, Filter, NumberOperator, OrderTerm } from './filter.ts'
