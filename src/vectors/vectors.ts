export { FeatureCatalogue, type FeatureSelection, type VectorColumn, type VectorPlan } from './catalogue.ts'
export { loadOnDemand, type LoadedOnDemand } from './on-demand.ts'
export { preparePush, pushOnline, type PreparedPush, type PushedColumns } from './push.ts'
export { onlineReader, viewFeatures, type EntityColumns, type OnlineColumn } from './read.ts'
