import type { LineageGraph } from '../../../src/server/schema.ts'

export type { LineageGraph as Lineage } from '../../../src/server/schema.ts'
export type LineageNode = LineageGraph['nodes'][number]

export const directions = ['both', 'up', 'down'] as const
export type Direction = (typeof directions)[number]
