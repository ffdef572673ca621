/** The erasure of one person, or the count of what it would remove. */
export interface ErasureRow {
  id: string
  project_id: string
  entity: string
  /** The column that holds the entity's keys. */
  key_column: string
  /** Of the key, with the privacy key: the key itself is not kept. */
  key_hash: string
  key_id: string
  /** The key, encrypted, for as long as the work needs it. */
  sealed_key: string | null
  dry_run: number
  state: 'waiting' | 'counted' | 'purging' | 'done'
  /** What was made of the rows and can't be changed. */
  derived_json: string
  error: string | null
  actor_id: string
  actor_name: string
  created_ms: number
  finished_ms: number | null
}

export interface ErasureTables {
  erasure: ErasureRow
}
