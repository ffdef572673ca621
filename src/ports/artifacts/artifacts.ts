/** Content-addressed bytes. */
export interface StoredBlob {
  sha256: string
  sizeBytes: number
}

/** Where blobs are kept. Writing one is idempotent; a blob becomes part of the system when a row refers to it. */
export interface Artifacts {
  put(bytes: Uint8Array): Promise<StoredBlob>
  /** Stores bytes as they arrive, hashing them on the way; nothing stays of a stream that fails. */
  putStream(chunks: AsyncIterable<Uint8Array>): Promise<StoredBlob>
  /** Takes a copy of a file; the file stays where it is. */
  putFile(path: string): Promise<StoredBlob>
  /** Throws `not_found` when the blob is gone. */
  bytes(sha256: string): Promise<Uint8Array>
  /** A local path with the blob's content, for programs that read files. Never write to it. */
  localPath(sha256: string): Promise<string>
  has(sha256: string): Promise<boolean>
  /** Deletes a blob that was last put before that wall time; false when it was put since and stays. */
  deleteUnused(sha256: string, putBeforeMs: number): Promise<boolean>
}
