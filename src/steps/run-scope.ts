import { AsyncLocalStorage } from 'node:async_hooks'
import { AppError } from '../kernel/errors.ts'
import type { FeatureServiceSpec, KnownColumn } from '../features/schema.ts'
import type { Kinds, TableRef } from './kinds.ts'

/** What carries out the calls of a pipeline function while it runs. */
export interface RunScope {
  call(step: object, call: ScopedCall): Readonly<Record<string, unknown>>
  latest(dataset: string): TableRef
  datasetsOf(table: TableRef): DatasetsOfTable | undefined
  /** A feature service of the project, complete. */
  service(name: string): ServiceFacts
}

/** The datasets that a table comes from. */
export interface DatasetsOfTable {
  names: readonly string[]
  /** Whether it has the rows of the dataset as they are: that of `latest`, and what `split` makes of it. A step may have made anything of them. */
  isItself: boolean
}

export interface ServiceFacts {
  spec: FeatureServiceSpec
  /** Hashes of the modules behind its on-demand features. */
  code: Record<string, string>
  /** The time columns of the datasets that its views read. */
  times: Record<string, string>
  /** Of the project's datasets: columns that are known later than the row's time. */
  known: Record<string, KnownDataset>
}

export interface KnownDataset {
  dataset: string
  time: string
  columns: KnownColumn[]
}

export interface ScopedCall {
  name: string
  out: Kinds
  inputs: Readonly<Record<string, unknown>>
  params: unknown
  /** The params before they were parsed: values that the function read from refs are known by identity. */
  given: Readonly<Record<string, unknown>>
  key: string | undefined
}

const scopes = new AsyncLocalStorage<RunScope>()

/** Runs a pipeline function so that the steps it calls, also after an `await`, reach the scope. */
export function runInScope<Result>(scope: RunScope, work: () => Result): Result {
  return scopes.run(scope, work)
}

export function currentScope(stepName: string): RunScope {
  const scope = scopes.getStore()
  if (scope) return scope
  throw new AppError(
    'invalid',
    `The step ${stepName} was called outside a pipeline. Call it in the function given to pipeline(…).`,
  )
}
