// What users import as `tidemill`. It loads definitions and zod, nothing else.
export {
  anomaly,
  between,
  castable,
  columns,
  distinctCount,
  distinctShare,
  finite,
  format,
  freshness,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  meanBetween,
  mostCommonShare,
  noDuplicateRows,
  notNull,
  quantileBetween,
  references,
  rowCount,
  rowCountChange,
  sameDistribution,
  sqlCheck,
  standardDeviationBetween,
  sumBetween,
  unique,
  uniqueShare,
  valueShare,
} from '../expectations/definition.ts'
export { dataset } from '../data/definition.ts'
export { command, files, http, push, s3, sql } from '../sources/definition.ts'
export { entity, featureService, featureView, onDemand, requestFeatures } from '../features/definition.ts'
export { monitor } from '../monitoring/definition.ts'
export {
  cron,
  degraded,
  drift,
  evaluate,
  Json,
  Model,
  newData,
  pipeline,
  py,
  referenceProfile,
  sh,
  split,
  step,
  Table,
  train,
  trainingSet,
} from '../steps/definition.ts'
export { beatsBaseline, gain, minimum, model, noLeak, notWorse } from '../registry/definition.ts'
export { deployment } from '../serving/definition.ts'
export { project } from './definition.ts'
export type {
  Champion,
  JsonRef,
  ModelInput,
  ModelRef,
  PipelineScope,
  RunCause,
  StepTools,
  TableInput,
  TableRef,
} from '../steps/definition.ts'
