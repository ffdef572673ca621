import { z } from 'zod'

/** Parts hold these types only; all others are cast when a file is read. */
export const columnTypes = [
  'BOOLEAN',
  'BIGINT',
  'DOUBLE',
  'VARCHAR',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'BLOB',
] as const
export type ColumnType = (typeof columnTypes)[number]
export type ColumnKind = 'number' | 'category' | 'timestamp' | 'other'

export const columnSchema = z.object({ name: z.string(), type: z.enum(columnTypes) })
export type Column = z.infer<typeof columnSchema>

export const schemaChange = z.object({
  kind: z.enum(['compatible', 'breaking']),
  changes: z.array(z.string()),
})
export type SchemaChange = z.infer<typeof schemaChange>

export function kindOf(type: ColumnType): ColumnKind {
  switch (type) {
    case 'BIGINT':
    case 'DOUBLE':
      return 'number'
    case 'VARCHAR':
    case 'BOOLEAN':
      return 'category'
    case 'DATE':
    case 'TIMESTAMP':
      return 'timestamp'
    case 'TIME':
    case 'BLOB':
      return 'other'
  }
}
