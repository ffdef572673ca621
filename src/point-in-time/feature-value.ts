import type { FeatureKind } from '../features/schema.ts'

/** A value in the form that serving has it in: finite numbers, text, ms since the epoch. */
export function featureValue(column: string, kind: FeatureKind): string {
  switch (kind) {
    case 'number':
      return `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
    case 'category':
      return `CAST(${column} AS VARCHAR)`
    case 'timestamp':
      return `epoch_ms(CAST(${column} AS TIMESTAMP))`
  }
}

/** The type in which that form is stored. */
export const SQL_TYPE = {
  number: 'DOUBLE',
  category: 'VARCHAR',
  timestamp: 'BIGINT',
} as const satisfies Record<FeatureKind, string>
