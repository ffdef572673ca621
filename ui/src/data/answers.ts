interface SchemaChange {
  kind: 'compatible' | 'breaking'
  changes: string[]
}

export interface DatasetItem {
  name: string
  declared: boolean
  definition: {
    source: { type: string } & Record<string, unknown>
    time?: string
    owner?: string
    description?: string
    tags?: string[]
  }
  latest: DatasetVersionItem | null
  /** On the newest data that came, also when it was refused and made no version. */
  report: Pick<ValidationReport, 'id' | 'verdict' | 'sentence' | 'createdMs'> | null
}
export interface ColumnSummary {
  name: string
  type: string
  kind: 'number' | 'category' | 'timestamp' | 'other'
  rows: number
  nulls: number
  distinct: number
  distinctExact: boolean
  min: number | string | null
  max: number | string | null
  mean: number | null
  standardDeviation: number | null
  quantiles: Record<string, number> | null
  histogram: { from: number; to: number; count: number }[]
  top: { value: string; count: number }[]
  /** Of numbers; what is not finite is left out of everything else. */
  numbers: { zeros: number; negatives: number; notFinite: number } | null
  /** Of text, in characters. */
  lengths: { min: number; max: number; mean: number; empty: number } | null
  /** Of times, in UTC; weekdays from Monday, hours are null of a date. */
  dates: {
    weekdays: number[]
    hours: number[] | null
    emptyDays: number
    gaps: { fromMs: number; toMs: number }[]
  } | null
}
export interface CheckResult {
  check: string
  title: string
  severity: 'error' | 'warn'
  passed: boolean
  /** Null for checks on all that arrived together. */
  file: string | null
  rows: number
  failing: number | null
  failingRows: number[]
  observed: number | null
  message: string
}
export interface FailingRow {
  file: string
  row: number
  checks: string[]
  values: Record<string, string | null>
}
export interface ValidationReport {
  id: string
  verdict: 'passed' | 'warned' | 'failed'
  sentence: string
  rows: number
  results: CheckResult[]
  files: { path: string; rows: number | null; quarantined: boolean }[]
  failingRows?: FailingRow[]
  createdMs: number
}
export interface DatasetVersionItem {
  id: string
  number: number
  rows: number
  addedRows: number
  sizeBytes: number
  minTimeMs: number | null
  maxTimeMs: number | null
  reportId: string | null
  createdMs: number
  lateRows: number
  by: { id: string; name: string } | null
  cause: { kind: 'probe' | 'request' | 'push' | 'pipeline'; reference: string | null } | null
  /** When retention took its rows, and by which rule. */
  deleted: { atMs: number; why: string } | null
}
export interface DatasetDetail extends DatasetItem {
  /** Newest first. */
  versions: DatasetVersionItem[]
  /** Files set aside because their data was refused. */
  quarantined: { path: string; reportId: string; createdMs: number }[]
}
export interface DatasetVersion extends DatasetVersionItem {
  schema: { name: string; type: string }[]
  schemaChange: SchemaChange | null
  summary: DatasetSummary
  report: ValidationReport | null
  personal: PersonalColumn[]
}

export interface PersonalColumn {
  column: string
  kind: string | null
  confidence: 'high' | 'medium' | 'low' | null
  evidence: string | null
  policy: unknown
}

interface ItemNames {
  count: number
  /** The first of them. */
  names: string[]
}

/** What happened at a source: it held something else, or could not be read. */
export interface DatasetChange {
  id: string
  kind: 'changed' | 'failed'
  createdMs: number
  updatedMs: number
  times: number
  actor: string
  cursorAfter: string | null
  added: ItemNames
  changed: ItemNames
  removed: ItemNames
  schemaChange: SchemaChange | null
  rows: number
  lateRows: number
  version: number | null
  reportId: string | null
  sentence: string
}

export interface DatasetSummary {
  rows: number
  columns: ColumnSummary[]
  /** Rows beyond the first of those that are the same in all columns. */
  duplicates: { rows: number; exact: boolean; standardError: number } | null
  correlations: {
    x: string
    y: string
    pearson: number | null
    /** From a sample of rows unless `spearmanExact`. */
    spearman: number | null
    spearmanExact: boolean
    rows: number
  }[]
  /** Of two categories Cramér’s V, of a category and a number the correlation ratio. */
  associations: {
    x: string
    y: string
    measure: 'cramersV' | 'correlationRatio'
    value: number
    rows: number
  }[]
}

/** A check and what it said over time, oldest first. */
export interface CheckSeries {
  key: string
  title: string
  severity: 'error' | 'warn'
  points: {
    reportId: string
    version: number | null
    atMs: number
    passed: boolean
    message: string
    rows: number
    failing: number | null
    observed: { min: number; max: number } | null
  }[]
}

interface DiffSide {
  nullShare: number
  distinct: number
  mean: number | null
}

export interface ColumnDiff {
  name: string
  type: string
  from: DiffSide
  to: DiffSide
  distances: { psi: number; jensenShannon: number; wassersteinSd: number | null } | null
}

export interface DatasetDiff {
  from: { number: number; rows: number }
  to: { number: number; rows: number }
  same: boolean
  schemaChange: SchemaChange | null
  parts: { kept: number; added: number; removed: number; addedRows: number; removedRows: number } | null
  /** The most changed first. */
  columns: ColumnDiff[]
}
