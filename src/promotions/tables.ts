/** The proposal to point an alias at a version, with what spoke for it at that time. */
export interface PromotionRow {
  id: string
  project_id: string
  model_id: string
  alias: string
  model_version_id: string
  version: number
  /** Of the content of the version, when the evidence was gathered. */
  digest: string
  /** Where the alias pointed then. */
  holder_version: number | null
  holder_digest: string | null
  reason: string
  author_id: string
  author_name: string
  state: 'open' | 'merged' | 'declined' | 'withdrawn' | 'rolled_back'
  /** Model, alias and version while it is open: there is one such promotion at a time. */
  open_key: string | null
  evidence_json: string
  /** Raised by every change, which names the one that it follows. */
  revision: number
  finished_by: string | null
  /** What came of it, for people. */
  sentence: string | null
  finished_ms: number | null
  created_ms: number
  updated_ms: number
}

export interface PromotionsTables {
  promotion: PromotionRow
}
