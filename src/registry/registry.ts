export {
  applyModelDefinitions,
  createModel,
  deleteModel,
  gatesOfModel,
  getModel,
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
  searchModelVersions,
  tagModelVersion,
  updateModelVersion,
} from './versions.ts'
export { importAliases, importModel, importVersion } from './import-model.ts'
export { deleteAlias, findVersionByAlias, setAlias } from './aliases.ts'
export { listAliasesAt } from './alias-history.ts'
export { CHALLENGER, CHAMPION } from './alias-names.ts'
export { admitChampion, followServed } from './champion.ts'
export { getPromotion, listPromotions } from './promotion-views.ts'
export { requireMayDeclare } from './protection.ts'
export { readGraphSignature } from './graph-signature.ts'
export { registerFromSource } from './source.ts'
export { findGateReport, listEvaluations, runGates, storeEvaluation } from './evaluations.ts'
export { evaluateModels, requireLabels, type EvaluatedModel } from './evaluate.ts'
export { scoreInProcess } from './score-file.ts'
export { loadTable } from './scored-table.ts'
export { DIRECTION, measure, measureClasses } from './subject-metrics.ts'
export { getUpload } from './uploads.ts'
export {
  buildReferenceProfile,
  readReferenceProfile,
  storeReferenceProfile,
  type ReferenceProfile,
} from './reference-profile.ts'
export { listVersionPlaces, referencedBlobs } from './store.ts'
export { lineage, listReferences, type Reference } from './store-lineage.ts'
