export {
  applyModelDefinitions,
  createModel,
  deleteModel,
  gatesOfModel,
  getModel,
  renameModel,
  requireModelName,
  searchModels,
  tagModel,
  updateModel,
} from './models.ts'
export {
  deleteModelVersion,
  getModelVersion,
  getModelVersionById,
  listLatestVersions,
  listModelVersions,
  registerVersion,
  type RegisterVersion,
  searchModelVersions,
  tagModelVersion,
  updateModelVersion,
} from './versions.ts'
export { importAliases, importModel, importVersion } from './import-model.ts'
export { deleteAlias, findVersionByAlias, pointAlias, setAlias } from './aliases.ts'
export { listAliasesAt } from './alias-history.ts'
export { CHALLENGER, CHAMPION, requireAliasName } from './alias-names.ts'
export { findPolicy, listAliasUses, refusal, requireMayDeclare, type Force } from './protection.ts'
export { holdModelVersion } from './uses.ts'
export { registerFromSource } from './source.ts'
export { findGateReport, runGates, storeEvaluation } from './evaluations.ts'
export { evaluateModels, requireLabels, type EvaluatedModel } from './evaluate.ts'
export { findImportance } from './importance.ts'
export { countDays } from './gates.ts'
export { DIRECTION, measure, measureClasses } from './subject-metrics.ts'
export { getUpload } from './uploads.ts'
export {
  buildReferenceProfile,
  readReferenceProfile,
  storeReferenceProfile,
  type ReferenceProfile,
} from './reference-profile.ts'
export { featuresOf, gateView } from './views.ts'
/** For rooms above that read and change models inside a transaction of theirs. */
export {
  findAliasRow,
  findVersionByNumber,
  findVersionRowById,
  getModelRow,
  getModelRowById,
  getVersionRow,
  listAliases,
  listVersionIds,
  listVersionPlaces,
  lockModelRow,
  referencedBlobs,
  toVersion,
} from './store.ts'
export { listEvaluationsOf, listGateReportsOf } from './store-evaluations.ts'
export { listPinnedServices, listServiceUsers, type ServiceUser } from './store-services.ts'
export type { ModelVersionRow, RegisteredModelRow } from './tables.ts'
export { lineage, listDatasetVersionUses, listReferences, type Reference } from './store-lineage.ts'
