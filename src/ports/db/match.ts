import { sql, type ExpressionWrapper, type RawBuilder, type SqlBool } from 'kysely'
import type { DialectName } from './dialect.ts'

export const textOperators = ['=', '!=', 'like', 'ilike'] as const
export type TextOperator = (typeof textOperators)[number]

type Column = RawBuilder<unknown> | ExpressionWrapper<never, never, unknown>

/**
 * Compares a text column with a value. `like` minds case and `ilike` does not (on SQLite for ASCII only); in both `%` stands for any
 * text and `_` for one character, and there is no escape character.
 */
export function matchText(
  dialect: DialectName,
  column: Column,
  operator: TextOperator,
  value: string,
): RawBuilder<SqlBool> {
  switch (operator) {
    case '=':
      return sql<SqlBool>`${column} = ${value}`
    case '!=':
      return sql<SqlBool>`${column} <> ${value}`
    case 'like':
      return dialect === 'sqlite'
        ? sql<SqlBool>`${column} GLOB ${globOf(value)}`
        : sql<SqlBool>`${column} LIKE ${value} ESCAPE ''`
    case 'ilike':
      return dialect === 'sqlite'
        ? sql<SqlBool>`${column} LIKE ${value}`
        : sql<SqlBool>`${column} ILIKE ${value} ESCAPE ''`
  }
}

/** SQLite's LIKE ignores case; its GLOB does not. */
function globOf(pattern: string): string {
  return pattern.replaceAll(/[*?[]/g, '[$&]').replaceAll('%', '*').replaceAll('_', '?')
}
