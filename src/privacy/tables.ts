/** Which key hashes a project's personal values. The key itself is in the configuration of the processes. */
export interface PrivacyKeyRow {
  project_id: string
  key_id: string
  created_ms: number
}

/** A key of a person who was erased, as its keyed hash: rows that have it in the column are left out when they come again. */
export interface ErasedKeyRow {
  project_id: string
  key_column: string
  key_hash: string
  /** The privacy key that it is hashed with. */
  key_id: string
  erasure_id: string
  came_again_rows: number
  created_ms: number
}

/** How many rows an erasure removed from one place; counted in the transaction that removes them. */
export interface ErasedRowsRow {
  erasure_id: string
  place: string
  name: string
  project_id: string
  rows: number
}

export interface PrivacyTables {
  privacy_key: PrivacyKeyRow
  erased_key: ErasedKeyRow
  erased_rows: ErasedRowsRow
}
