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

/** Values of features for serving. Reads are synchronous, since they sit on the request path. */
export interface OnlineStore extends AsyncDisposable {
  /** One row for each key, undefined where there is none. `view` is unique across projects and definitions. */
  read(view: string, entityKeys: readonly string[]): (OnlineRow | undefined)[]
  /**
   * Keeps for each key the row with the greatest event time, then the greatest `createdMs`; an equal one replaces it. So
   * writing is idempotent and may be repeated, in any order. A crash leaves each key with its old or its new row.
   */
  write(view: string, rows: readonly OnlineWrite[]): Promise<void>
  /** Makes these the only rows of a view, at once. */
  replace(view: string, rows: readonly OnlineWrite[]): Promise<void>
  stats(view: string, beforeMs: number): OnlineStats
}
