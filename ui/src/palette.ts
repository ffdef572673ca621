/** One colour for a model version and for a run, on every page. */
export function versionColour(version: number): string {
  return `var(--c${(version + 7) % 8})`
}

export function runColour(runId: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < runId.length; index++)
    hash = Math.imul(hash ^ runId.charCodeAt(index), 0x01000193)
  return `var(--c${((hash ^ (hash >>> 15)) >>> 0) % 8})`
}

/** A canvas can't read custom properties, so this asks the browser what the colour is now. */
export function resolveColour(colour: string, near: Element): string {
  const probe = document.createElement('span')
  probe.style.color = colour
  near.append(probe)
  const resolved = getComputedStyle(probe).color
  probe.remove()
  return resolved
}
