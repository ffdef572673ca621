import { z } from 'zod'

export const featureKind = z.enum(['number', 'category', 'timestamp'])
/** A number (finite), a text, or a time as ms since the epoch. */
export type FeatureKind = z.infer<typeof featureKind>

export const feature = z.strictObject({ name: z.string().min(1), kind: featureKind })
export type Feature = z.infer<typeof feature>
