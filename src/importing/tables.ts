/** A store that was imported from, by its address. */
interface ImportSourceRow {
  id: string
  project_id: string
  source: string
  created_ms: number
  /** Wall time of the last import that came to its end. */
  finished_ms: number | null
}

export type ObjectKind = 'experiment' | 'run' | 'logged-model' | 'artifacts' | 'model' | 'version'

/** How far one thing of a source has come. */
export interface ImportObjectRow {
  source_id: string
  kind: ObjectKind
  /** Its id in the source. */
  key: string
  project_id: string
  state: 'started' | 'written' | 'verified'
  /** Its id here. */
  target: string
  /** Of what the source said of it; it is imported again when that has changed. */
  fingerprint: string
  /** Of what was written, to compare; in the state `started` where to go on. */
  checksum: string
  updated_ms: number
}

export interface ImportingTables {
  import_source: ImportSourceRow
  import_object: ImportObjectRow
}
