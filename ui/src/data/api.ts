import type { Page } from '../answers.ts'
import { at, many, one, post } from '../api.ts'
import type {
  CheckSeries,
  DatasetChange,
  DatasetDetail,
  DatasetDiff,
  DatasetItem,
  DatasetVersion,
  ValidationReport,
} from './answers.ts'

export const datasets = (query: { search?: string } = {}) =>
  many<Page<DatasetItem>>('data', '/datasets', query)
export const dataset = (name: string) => one<DatasetDetail>('data', `/datasets/${at(name)}`)
export const datasetVersion = (name: string, number: number) =>
  one<DatasetVersion>('data', `/datasets/${at(name)}/versions/${number}`)
export const datasetChanges = (name: string) =>
  many<Page<DatasetChange>>('data', `/datasets/${at(name)}/changes`, { limit: 100 })
export const datasetChecks = (name: string) =>
  many<Page<CheckSeries>>('data', `/datasets/${at(name)}/checks`, { limit: 60 })
export const datasetDiff = (name: string, from: number, to: number) =>
  one<DatasetDiff>('data', `/datasets/${at(name)}/diff?from=${from}&to=${to}`)
export const validationReport = (id: string) => one<ValidationReport>('data', `/validation-reports/${at(id)}`)

/** Looks at the source now instead of at its next probe. */
export const lookNow = (name: string) => post<{ jobId: string }>(`/datasets/${at(name)}/ingest`)
