import { queryOptions } from '@tanstack/react-query'
import type { Page } from '../answers.ts'
import { at, request } from '../api.ts'
import type { Benchmark, BenchmarkDetail, Submission } from './answers.ts'

function asked<T>(path: string) {
  return queryOptions({ queryKey: ['benchmarks', path], queryFn: () => request<T>(path) })
}

export const benchmarks = () => asked<Page<Benchmark>>('/benchmarks')
export const benchmark = (name: string) => asked<BenchmarkDetail>(`/benchmarks/${at(name)}`)
export const ownSubmissions = (name: string) =>
  asked<Page<Submission>>(`/benchmarks/${at(name)}/submissions?limit=50`)
