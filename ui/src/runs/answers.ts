export type {
  RunColumn,
  RunColumns,
  RunComparison,
  RunCurve,
  RunTable,
  RunTableRow,
  SavedView,
} from '../../../src/comparing/schema.ts'
export type { ArtifactEntry, DetailedRun } from '../../../src/tracking/schema.ts'
