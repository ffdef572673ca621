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
  type RegisterVersion,
} from './versions.ts'
export {
  CHALLENGER,
  CHAMPION,
  deleteAlias,
  findVersionByAlias,
  setAlias,
  setAliasIn,
  type SetAlias,
} from './aliases.ts'
export { registerFromSource } from './source.ts'
export {
  evaluateVersion,
  findGateReport,
  getEvaluation,
  listEvaluations,
  listGateReports,
  runGates,
  storeEvaluation,
  type EvaluateVersion,
} from './evaluations.ts'
export { evaluateModels, type EvaluateModels, type EvaluatedModel } from './evaluate.ts'
export { judgeGates, type GateOutcome } from './gates.ts'
export {
  buildReferenceProfile,
  readReferenceProfile,
  storeReferenceProfile,
  type ReferenceProfile,
} from './reference-profile.ts'
