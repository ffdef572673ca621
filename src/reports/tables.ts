export interface ValidationReportRow {
  id: string
  project_id: string
  dataset_id: string
  verdict: 'passed' | 'warned' | 'failed'
  sentence: string
  rows: number
  results_json: string
  files_json: string
  failing_rows_sha256: string | null
  created_ms: number
}

/** What one check said in one report, about all its files together. */
export interface CheckResultRow {
  report_id: string
  check_key: string
  project_id: string
  dataset_id: string
  check_kind: string
  title: string
  severity: 'error' | 'warn'
  passed: number
  message: string
  files: number
  rows: number
  failing: number | null
  observed_min: number | null
  observed_max: number | null
  expected_min: number | null
  expected_max: number | null
  /** Null when nothing was ingested. */
  version_number: number | null
  created_ms: number
}

/** What the rows that made a version were like, for checks that look back. */
export interface DatasetDeliveryRow {
  dataset_id: string
  version_number: number
  project_id: string
  rows: number
  newest_ms: number | null
  arrived_ms: number
  columns_json: string
}

export interface ReportsTables {
  validation_report: ValidationReportRow
  check_result: CheckResultRow
  dataset_delivery: DatasetDeliveryRow
}
