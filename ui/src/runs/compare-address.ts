const shortened = 12

/** The address that compares runs; of many, ids are cut to what still tells them apart, for the length of an address is bounded. */
export function compareHref(runIds: readonly string[]): string {
  const ids = runIds.length > 100 ? runIds.map((id) => id.slice(0, shortened)) : runIds
  return `/runs/compare?runs=${ids.join(',')}`
}
