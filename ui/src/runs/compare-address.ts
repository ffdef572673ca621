const shortened = 12

/** The address that compares runs; of many, ids are cut to what still tells them apart, for the length of an address is bounded. */
export function compareHref(runs: readonly string[] | { parent: string }): string {
  if ('parent' in runs) return `/runs/compare?parent=${runs.parent}`
  const runIds = runs
  const ids = runIds.length > 100 ? runIds.map((id) => id.slice(0, shortened)) : runIds
  return `/runs/compare?runs=${ids.join(',')}`
}
