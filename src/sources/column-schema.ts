import { columnTypes, type Column, type ColumnType, type SchemaChange } from './schema.ts'

/** The type that holds the values of both, or undefined when there is none. */
export function widerType(a: ColumnType, b: ColumnType): ColumnType | undefined {
  if (a === b) return a
  const both = new Set([a, b])
  if (both.has('BIGINT') && both.has('DOUBLE')) return 'DOUBLE'
  if (both.has('DATE') && both.has('TIMESTAMP')) return 'TIMESTAMP'
  return undefined
}

/** How a DuckDB type is stored in a part: its type there, and the expression that casts a column to it. */
export function storedType(duckDbType: string, column: string): { type: ColumnType; expression: string } {
  const plain = columnTypes.find((type) => type === duckDbType)
  if (plain) return { type: plain, expression: column }
  const cast = (type: ColumnType): { type: ColumnType; expression: string } => ({
    type,
    expression: `CAST(${column} AS ${type})`,
  })
  if (/^U?(TINY|SMALL)INT$|^U?INTEGER$/.test(duckDbType)) return cast('BIGINT')
  if (/^(U?HUGEINT|UBIGINT|FLOAT|DECIMAL\(.*\))$/.test(duckDbType)) return cast('DOUBLE')
  if (duckDbType === 'TIMESTAMP WITH TIME ZONE') {
    return { type: 'TIMESTAMP', expression: `make_timestamp(epoch_us(${column}))` }
  }
  if (duckDbType.startsWith('TIMESTAMP')) return cast('TIMESTAMP')
  if (duckDbType.startsWith('TIME')) return cast('TIME')
  if (duckDbType.startsWith('ENUM') || duckDbType === 'UUID') return cast('VARCHAR')
  return { type: 'VARCHAR', expression: `CAST(to_json(${column}) AS VARCHAR)` }
}

/** The columns of all, in the order of first appearance, each in the type that holds them all. */
export function mergeSchemas(schemas: readonly (readonly Column[])[]): Column[] {
  const merged = new Map<string, ColumnType>()
  for (const { name, type } of schemas.flat()) {
    const known = merged.get(name)
    merged.set(name, known === undefined ? type : (widerType(known, type) ?? known))
  }
  return [...merged].map(([name, type]) => ({ name, type }))
}

/** What is wrong with a file's columns, beside those the dataset has. */
export function schemaProblems(known: readonly Column[], file: readonly Column[]): string[] {
  const types = new Map(file.map(({ name, type }) => [name, type]))
  return known.flatMap(({ name, type }) => {
    const found = types.get(name)
    if (found === undefined) return [`the column ${name} is missing`]
    if (widerType(type, found) === undefined) return [`the column ${name} is ${found}, it was ${type} before`]
    return []
  })
}

/**
 * How one version's schema differs from the one before: `breaking` when a reader of the old columns can fail (a
 * column gone or of another type), `compatible` when it cannot; null when nothing differs.
 */
export function compareSchemas(before: readonly Column[], after: readonly Column[]): SchemaChange | null {
  const old = new Map(before.map(({ name, type }) => [name, type]))
  const now = new Map(after.map(({ name, type }) => [name, type]))
  const breaking: string[] = []
  const compatible: string[] = []
  for (const { name, type } of before) {
    const found = now.get(name)
    if (found === undefined) breaking.push(`${name} is gone`)
    else if (found !== type)
      (widerType(type, found) === found ? compatible : breaking).push(`${name}: ${type} → ${found}`)
  }
  for (const { name, type } of after) if (!old.has(name)) compatible.push(`${name} is new (${type})`)
  if (breaking.length + compatible.length === 0) return null
  return { kind: breaking.length > 0 ? 'breaking' : 'compatible', changes: [...breaking, ...compatible] }
}
