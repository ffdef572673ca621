import type { z } from 'zod'

/** What a step takes or gives: a table (Parquet), a model (one file), or a small JSON value with a schema. */
export interface TableKind {
  readonly kind: 'table'
}
export interface ModelKind {
  readonly kind: 'model'
}
export interface JsonKind<Value> {
  readonly kind: 'json'
  readonly schema: z.ZodType<Value>
}
export type Kind = TableKind | ModelKind | JsonKind<unknown>
export type Kinds = Readonly<Record<string, Kind>>

export const Table: TableKind = Object.freeze({ kind: 'table' })
export const Model: ModelKind = Object.freeze({ kind: 'model' })

/** A small value that travels as JSON and is checked against the schema when a step gives it. */
export function Json<Value>(schema: z.ZodType<Value>): JsonKind<Value> {
  return Object.freeze({ kind: 'json', schema })
}

declare const brand: unique symbol

/** The table a step will give. Pass it to other steps, or wait for it with `done()`. */
export interface TableRef {
  readonly [brand]: 'table'
  /** Resolves when the step has succeeded; rejects with its error. */
  done(): Promise<void>
}

/** The model a step will give. Pass it to other steps or to `register`, or wait for it with `done()`. */
export interface ModelRef {
  readonly [brand]: 'model'
  done(): Promise<void>
}

/** The JSON value a step will give: pass it on, or `await` it to read it. */
export interface JsonRef<Value> extends PromiseLike<Value> {
  readonly [brand]: 'json'
  done(): Promise<void>
}

type RefOf<K extends Kind> = K extends TableKind
  ? TableRef
  : K extends ModelKind
    ? ModelRef
    : K extends JsonKind<infer Value>
      ? JsonRef<Value>
      : never

/** What a call may pass for an input: a ref; for JSON also the value itself. */
export type ArgumentOf<K extends Kind> = K extends JsonKind<infer Value> ? JsonRef<Value> | Value : RefOf<K>

export type RefsOf<Out extends Kinds> = { readonly [Name in keyof Out]: RefOf<Out[Name]> }

/** A table as a step reads it: Parquet files. */
export interface TableInput {
  /** The file of a table that has exactly one; throws when it has several. */
  readonly path: string
  readonly paths: readonly string[]
  /** SQL for the `FROM` clause of a query in the step's `sql` session. */
  readonly scan: string
}
export interface ModelInput {
  readonly path: string
}
export type InputOf<K extends Kind> = K extends TableKind
  ? TableInput
  : K extends ModelKind
    ? ModelInput
    : K extends JsonKind<infer Value>
      ? Value
      : never

/** A file that a step wrote, given back as a table (Parquet) or as a model. */
export interface FileResult {
  readonly path: string
}
type ResultOf<K extends Kind> = K extends TableKind
  ? FileResult
  : K extends ModelKind
    ? FileResult | Uint8Array
    : K extends JsonKind<infer Value>
      ? Value
      : never
export type ResultsOf<Out extends Kinds> = { readonly [Name in keyof Out]: ResultOf<Out[Name]> }
