import { z } from 'zod'

/** What became of a push; `duplicate` when the same key had brought the same rows before. */
export const pushed = z.object({ rows: z.number(), duplicate: z.boolean() })
export type Pushed = z.infer<typeof pushed>
