/** One colour for a model version and for a run, on every page. */
export function versionColour(version: number): string {
  return `var(--c${(version + 7) % 8})`
}

export function runColour(runId: string): string {
  let hash = 0
  for (let index = 0; index < runId.length; index++) hash = (hash * 31 + runId.charCodeAt(index)) >>> 0
  return `var(--c${hash % 8})`
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
