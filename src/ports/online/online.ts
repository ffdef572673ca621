/** The newest value of one feature view for one entity key. */
export interface OnlineRow {
  /** Feature values in the order the view declares them; null where the value is null. */
  values: readonly (number | string | null)[]
  /** Event time of the values, ms since the epoch. */
  eventMs: number
  /** When they became known; the event time where the view does not say. */
  createdMs: number
}

export interface OnlineWrite extends OnlineRow {
  entityKey: string
}

export interface OnlineStats {
  keys: number
  newestMs: number | null
  /** Keys whose event time is before the asked moment. */
  older: number
}

/** Keys of one view; an undefined key has no row. `view` is unique across projects and definitions. */
export interface OnlineRead {
  view: string
  entityKeys: readonly (string | undefined)[]
}

/** A value at once where it is in this process, a promise of it where it is not. */
export type MaybePromise<Value> = Value | Promise<Value>

/**
 * Values of features for serving. For each key a view keeps the row with the greatest event time, then the greatest
 * `createdMs`; an equal one replaces it. So writing is idempotent and may be repeated, in any order. A crash leaves each
 * key with its old or its new row. Everything throws or rejects with `unavailable` when the store does not answer.
 */
export interface OnlineStore extends AsyncDisposable {
  /**
   * For each read one row for each of its keys, undefined where there is none: all in one round trip. A store that is in
   * this process answers at once, since reads sit on the request path.
   */
  read(reads: readonly OnlineRead[]): MaybePromise<(OnlineRow | undefined)[][]>
  /** Rows that come by themselves, such as pushed ones. They outlive `replace` where they are newer than what it brings. */
  write(view: string, rows: readonly OnlineWrite[]): Promise<void>
  /** The right to materialise a view; undefined while another process holds it. */
  claim(view: string): Promise<OnlineClaim | undefined>
  /** For each view what its claims finished last, as `OnlineClaim.marks`. */
  marks(views: readonly string[]): Promise<string[][]>
  /** Removes rows of keys, and takes the right to materialise away from who has it: what it computed may have them. */
  erase(view: string, entityKeys: readonly string[]): Promise<void>
  /** Removes all of a view. */
  drop(view: string): Promise<void>
  stats(view: string, beforeMs: number): MaybePromise<OnlineStats>
}

/**
 * The right to materialise a view. One process holds it at a time, by a lease that it extends by itself: whoever stands
 * still for longer loses it, and then every call rejects with `conflict`, so that nothing stale is written.
 */
export interface OnlineClaim extends AsyncDisposable {
  /**
   * Marks of the last two materialisations that were finished, the newest first. Their writes are complete in the
   * store; a store that is new or has lost its data has none.
   */
  readonly marks: readonly string[]
  write(rows: readonly OnlineWrite[]): Promise<void>
  /**
   * Makes these the only rows of the view, at once when all are there: until then readers see the old ones. Rows that
   * are written by others meanwhile or were before stay where they are newer. Resolves to the number of rows given.
   */
  replace(chunks: AsyncIterable<readonly OnlineWrite[]>): Promise<number>
  finish(mark: string): Promise<void>
}
