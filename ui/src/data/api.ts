import { infiniteQueryOptions } from '@tanstack/react-query'
import type { Page } from '../answers.ts'
import { at, many, one, post, request, search } from '../api.ts'
import type {
  CheckSeries,
  DatasetChange,
  DatasetDetail,
  DatasetDiff,
  DatasetItem,
  DatasetVersionDetail,
  ReportDetail,
} from './answers.ts'

const changesAtOnce = 10

export const datasets = (query: { search?: string } = {}) =>
  many<Page<DatasetItem>>('data', '/datasets', query)
export const dataset = (name: string) => one<DatasetDetail>('data', `/datasets/${at(name)}?limit=1`)
/** The newest versions, or those below a number. */
export const datasetVersions = (name: string, below: number | undefined, limit: number) =>
  many<DatasetDetail>('data', `/datasets/${at(name)}`, { limit, pageToken: below })
export const datasetVersion = (name: string, number: number) =>
  one<DatasetVersionDetail>('data', `/datasets/${at(name)}/versions/${number}`)
/** What happened at the source, a page after the other as they are asked for. */
export function datasetChanges(name: string) {
  const path = `/datasets/${at(name)}/changes`
  return infiniteQueryOptions({
    queryKey: ['data', path],
    queryFn: ({ pageParam }) =>
      request<Page<DatasetChange>>(path + search({ limit: changesAtOnce, pageToken: pageParam })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextPageToken,
  })
}
export const datasetChecks = (name: string) =>
  many<Page<CheckSeries>>('data', `/datasets/${at(name)}/checks`, { limit: 60 })
export const datasetDiff = (name: string, from: number, to: number) =>
  one<DatasetDiff>('data', `/datasets/${at(name)}/diff?from=${from}&to=${to}`)
export const validationReport = (id: string) => one<ReportDetail>('data', `/validation-reports/${at(id)}`)

/** Looks at the source now instead of at its next probe. */
export const lookNow = (name: string) => post<{ jobId: string }>(`/datasets/${at(name)}/ingest`)
