const shortened = 12

/**
 * The address that compares runs, by the metric that their table was sorted by, if any. Of many, ids are cut to what still tells them apart,
 * for the length of an address is bounded.
 */
export function compareHref(runs: readonly string[] | { parent: string }, sort = ''): string {
  if ('parent' in runs) return `/runs/compare?parent=${runs.parent}`
  const runIds = runs
  const ids = runIds.length > 100 ? runIds.map((id) => id.slice(0, shortened)) : runIds
  const by = /^metric:(.+) (asc|desc)$/.exec(sort)?.[1]
  return `/runs/compare?runs=${ids.join(',')}${by === undefined ? '' : `&by=${encodeURIComponent(by)}`}`
}
