import type { CatalogueEntry, EntryPage } from '../../../src/catalogue/schema.ts'
import type { ColumnSummary } from '../data/answers.ts'

export type { FeatureSkew, SkewExample, SkewReport } from '../../../src/skew/schema.ts'
export type { CatalogueEntry, EntryPage }
export type EntryKind = CatalogueEntry['kind']
export type EntryFeature = CatalogueEntry['features'][number]
export type VersionUse = EntryPage['users'][number]

/** A share with 95 % bounds. */
export interface Rate {
  rate: number
  lower: number
  upper: number
}

export interface ViewDetail {
  spec: {
    view: string
    entityKey: string
    eventTime: string
    createdTimestamp: string | null
    ttlMs: number
    lookbackMs: number | null
    definitionHash: string
    source?: { keys: string[]; time: string; known: { column: string }[] }
  }
  earlier: string[]
  states: { atMs: number; cursorMs: number; datasetVersionId: string; newestEventMs: number | null }[]
  summaries: { fromMs: number; toMs: number; summary: { rows: number; columns: ColumnSummary[] } }[]
}
