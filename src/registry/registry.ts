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
  listModelVersions,
  registerVersion,
  searchModelVersions,
  tagModelVersion,
  updateModelVersion,
} from './versions.ts'
export { CHALLENGER, CHAMPION, deleteAlias, findVersionByAlias, setAlias, setAliasIn } from './aliases.ts'
export { importAliases, importModel, importVersion } from './import-model.ts'
export { readGraphSignature } from './graph-signature.ts'
export { registerFromSource } from './source.ts'
export { findGateReport, listEvaluations, runGates, storeEvaluation } from './evaluations.ts'
export { evaluateModels, type EvaluatedModel } from './evaluate.ts'
export {
  buildReferenceProfile,
  readReferenceProfile,
  storeReferenceProfile,
  type ReferenceProfile,
} from './reference-profile.ts'
export { referencedBlobs } from './store.ts'
export { lineage, listReferences, type Reference } from './store-lineage.ts'
