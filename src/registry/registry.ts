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
