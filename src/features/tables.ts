export interface FeaturesTables {}
