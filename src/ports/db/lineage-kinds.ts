/** What may stand in a lineage. The ids are those of the rooms; where a thing has none of its own, its content names it. */
export const lineageKinds = [
  'dataset_version',
  'logged_dataset',
  'code',
  'environment',
  'pipeline_run',
  'execution',
  'run',
  'logged_model',
  'feature_view',
  'feature_service',
  'model_version',
  'evaluation',
  'deployment',
  'monitor',
] as const
export type LineageKind = (typeof lineageKinds)[number]
