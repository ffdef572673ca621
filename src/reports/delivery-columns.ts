import type { DeliveredColumn, Delivery } from '../expectations/expectations.ts'

/** Columns of a delivery as they are stored. */
export function encodeColumns(columns: readonly DeliveredColumn[]): string {
  return JSON.stringify(columns.map((column) => ({ ...column, cells: [...column.cells] })))
}

export function decodeColumns(text: string): Delivery['columns'] {
  const columns = JSON.parse(text) as (Omit<DeliveredColumn, 'cells'> & { cells: [string, number][] })[]
  return columns.map((column) => ({ ...column, cells: new Map(column.cells) }))
}
