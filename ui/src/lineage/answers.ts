export interface LineageNode {
  /** `<kind>:<id>` */
  key: string
  kind: string
  id: string
  title: string
  detail?: string
  atMs?: number
  href?: string
}

export interface Lineage {
  start: string
  nodes: LineageNode[]
  /** By keys, from what was there first to what came of it. */
  edges: { from: string; to: string; label: string }[]
  cut: boolean
}

export const directions = ['both', 'up', 'down'] as const
export type Direction = (typeof directions)[number]
