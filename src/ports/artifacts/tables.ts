/** The authority on what blobs exist. A blob without a row, or one condemned long ago, may be deleted. */
interface BlobRow {
  sha256: string
  project_id: string
  size_bytes: number
  created_ms: number
  /** Wall time at which garbage collection found no reference; null while referenced. */
  condemned_ms: number | null
}

export interface BlobTables {
  blob: BlobRow
}
