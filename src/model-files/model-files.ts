export { readGraphSignature } from './graph-signature.ts'
export type { InspectionJob } from './inspect-onnx.ts'
export { inspectInProcess } from './inspection-process.ts'
export { parseMlmodel, toSignature, type MlflowSignature } from './mlmodel.ts'
export { openGraph } from './open-graph.ts'
export { findScore } from './score-column.ts'
export { scoreInProcess } from './score-file.ts'
export {
  featuresOf,
  loadTable,
  scoreTable,
  type FeatureColumn,
  type Table,
  type TableSource,
} from './scored-table.ts'
