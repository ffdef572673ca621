import { posix } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../kernel/errors.ts'

const snapshotSchema = z.strictObject({
  format: z.literal(1),
  files: z.record(z.string(), z.strictObject({ base64: z.base64(), executable: z.boolean() })),
})
/** The code of a project version, as its blob holds it: exactly the files that its definitions reach, and no others. */
export type Snapshot = z.infer<typeof snapshotSchema>

/** Checks a snapshot that came from outside: its form, and that no path leaves the folder. */
export function parseSnapshot(value: unknown): Snapshot {
  const parsed = snapshotSchema.safeParse(value)
  if (!parsed.success) throw new AppError('invalid', `Wrong code snapshot: ${z.prettifyError(parsed.error)}`)
  for (const path of Object.keys(parsed.data.files)) {
    if (
      path === posix.normalize(path) &&
      !path.startsWith('..') &&
      !path.startsWith('/') &&
      !path.includes('\\')
    ) {
      continue
    }
    throw new AppError('invalid', `A code snapshot can't hold the path ${path}: it leaves the folder`)
  }
  return parsed.data
}
