import type { DatasetDiff } from '../../../src/exploring/diff-schema.ts'

export type { DatasetDiff }
export type ColumnDiff = DatasetDiff['columns'][number]
export type { CheckResult, FailingRow } from '../../../src/expectations/schema.ts'
export type { DatasetDetail, DatasetItem, DatasetVersionDetail } from '../../../src/exploring/schema.ts'
export type { DatasetVersion } from '../../../src/data/schema.ts'
export type { DatasetChange } from '../../../src/ingest/schema.ts'
export type { PersonalColumn } from '../../../src/privacy/schema.ts'
export type { CheckSeries, ReportDetail, ValidationReport } from '../../../src/reports/schema.ts'
export type { ColumnSummary, DatasetSummary } from '../../../src/summaries/schema.ts'
