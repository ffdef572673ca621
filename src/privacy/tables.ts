/** Which key hashes a project's personal values. The key itself is in the configuration of the processes. */
export interface PrivacyKeyRow {
  project_id: string
  key_id: string
  created_ms: number
}

export interface PrivacyTables {
  privacy_key: PrivacyKeyRow
}
