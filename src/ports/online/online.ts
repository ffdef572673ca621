/** The newest value of one feature view for one entity key. */
export interface OnlineRow {
  /** Feature values in the order the view declares them; null where the value is null. */
  values: readonly (number | string | null)[]
  /** Event time of the values, ms since the epoch. */
  eventMs: number
}

export interface OnlineWrite extends OnlineRow {
  entityKey: string
}

/** Values of features for serving. Reads are synchronous where the store allows, since they sit on the request path. */
export interface OnlineStore extends AsyncDisposable {
  /** One row for each key, undefined where there is none. `view` is unique across projects: `<projectId>/<view>`. */
  read(view: string, entityKeys: readonly string[]): (OnlineRow | undefined)[]
  /** Keeps the row with the newest event time for each key: writing is idempotent and may be repeated. */
  write(view: string, rows: readonly OnlineWrite[]): Promise<void>
}
