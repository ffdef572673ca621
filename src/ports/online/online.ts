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

/** Values of features for serving. */
export interface OnlineStore extends AsyncDisposable {
  /**
   * For each read one row for each of its keys, undefined where there is none: all in one round trip. A store that is in this process answers
   * at once, since reads sit on the request path. Throws or rejects with `unavailable` when the store does not answer.
   */
  read(reads: readonly OnlineRead[]): MaybePromise<(OnlineRow | undefined)[][]>
  /**
   * Keeps for each key the row with the greatest event time, then the greatest `createdMs`; an equal one replaces it. So
   * writing is idempotent and may be repeated, in any order. A crash leaves each key with its old or its new row.
   */
  write(view: string, rows: readonly OnlineWrite[]): Promise<void>
  /** Makes these the only rows of a view, at once. */
  replace(view: string, rows: readonly OnlineWrite[]): Promise<void>
  stats(view: string, beforeMs: number): MaybePromise<OnlineStats>
}
