import { hashFile } from '../kernel/hash-file.ts'
import type { Reading } from './reading.ts'

/** What a probe saw of an item and the next one compares. */
interface Seen {
  sizeBytes: number
  /** Nanoseconds as text: more than a safe integer. `0` where the source does not tell. */
  modifiedNs: string
  /** What a remote source says of the content, such as an ETag. */
  tag: string | null
}

/** An item as its dataset remembers it. */
export interface KnownItem {
  path: string
  sha256: string
  seen: Seen
  /** Wall time. */
  seenAtMs: number
}

/** One piece of what a source holds: a file, an object, the rows that are new. Each becomes one part. */
export interface SourceItem {
  /** As reports name it. */
  path: string
  /** Of its content. */
  sha256: string
  /** False when the last probe saw the same, so that the content was not read. */
  changed: boolean
  /** It holds something else by now, which the next look fetches: what was read of it before is all that can be had. */
  isLater?: boolean
  reading: Reading
  /** Its personal columns were treated before it came to rest. */
  isTreated: boolean
  /** Null for what a source gives once only. */
  seen: Seen | null
  /** Calls with the path of a local file that holds the content, there for so long as the call takes. */
  use<Result>(work: (path: string) => Promise<Result>): Promise<Result>
  /** Throws `conflict` when it is no longer what it was when it was looked at. */
  requireUnchanged(): Promise<void>
}

/** An item that lies in a file of its own, made by this look. */
export async function fileItem({
  path,
  target,
  reading,
  isTreated,
}: Pick<SourceItem, 'path' | 'reading' | 'isTreated'> & { target: string }): Promise<SourceItem> {
  const { sha256 } = await hashFile(target)
  return {
    path,
    sha256,
    changed: true,
    reading,
    isTreated,
    seen: null,
    use: (work) => work(target),
    requireUnchanged: async () => undefined,
  }
}
