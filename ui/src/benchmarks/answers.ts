export type { Benchmark, BenchmarkDetail, Standing, Submission } from '../../../src/benchmarks/schema.ts'
