import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import type { Json } from '../kernel/json.ts'
import {
  parquetScan,
  quoteLiteral,
  type Analytics,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import type { RawOutput, StepTask, TaskInput } from './child-protocol.ts'
import type { StepSource, StepSql } from './authoring.ts'
import { runForeignStep } from './foreign-step.ts'
import type { Kind, TableInput } from './kinds.ts'
import { outputPath, type StepHost } from './step-host.ts'

/** Runs the body of a step in its child process and checks what it gave. */
export async function runStep(
  source: StepSource,
  task: StepTask,
  host: StepHost,
): Promise<Record<string, RawOutput>> {
  if (source.kind === 'py' || source.kind === 'sh') return checkAll(source, await runForeignStep(task, host))
  const body: (scope: never, host: StepHost) => unknown =
    source.kind === 'built_in' ? await host.builtIn(source.name) : source.run!
  const sql = new LazySql(host.analytics, task.folder)
  try {
    const given = await body(scopeOf(source, task, host, sql) as never, host)
    return checkAll(source, await toRaw(source, task, (given ?? {}) as Record<string, unknown>))
  } finally {
    await sql[Symbol.asyncDispose]()
  }
}

function scopeOf(source: StepSource, task: StepTask, host: StepHost, sql: StepSql): Record<string, unknown> {
  return {
    ...Object.fromEntries(Object.entries(task.inputs).map(([name, input]) => [name, openInput(name, input)])),
    params: source.params.parse(task.params),
    sql,
    log: (text: string) => host.send({ type: 'log', text: `${text}\n` }),
    metric: (key: string, value: number, step = 0) =>
      host.send({ type: 'metric', key, value, step, atMs: Date.now() }),
    output: Object.fromEntries(Object.keys(source.out).map((name) => [name, outputPath(task.folder, name)])),
    signal: host.signal,
    secret: (name: string) => {
      const value = task.secrets[name]
      if (value !== undefined) return value
      throw new AppError(
        'invalid',
        `The step ${source.name} does not declare the secret ${name}: add it to its secrets`,
      )
    },
  }
}

function openInput(name: string, input: TaskInput): unknown {
  if (input.kind === 'json') return input.value
  if (input.kind === 'model') return { path: input.path }
  const { paths } = input
  const table: TableInput = {
    paths,
    scan: parquetScan(paths),
    get path() {
      if (paths.length === 1) return paths[0]!
      throw new AppError('invalid', `The input ${name} has ${paths.length} files; use paths, or scan in SQL`)
    },
  }
  return table
}

async function toRaw(
  source: StepSource,
  task: StepTask,
  given: Record<string, unknown>,
): Promise<Record<string, RawOutput>> {
  const raw: Record<string, RawOutput> = {}
  for (const [name, kind] of Object.entries(source.out)) {
    const value = given[name]
    if (kind.kind === 'json') raw[name] = { kind: 'json', value: value as Json }
    else if (value instanceof Uint8Array) {
      const path = outputPath(task.folder, name)
      await writeFile(path, value)
      raw[name] = { kind: kind.kind, path }
    } else if (typeof value === 'object' && value !== null && 'path' in value) {
      raw[name] = { kind: kind.kind, path: String(value.path) }
    }
  }
  return raw
}

/** Every declared output, of its kind; a JSON value as its schema leaves it. */
function checkAll(source: StepSource, raw: Record<string, RawOutput>): Record<string, RawOutput> {
  return Object.fromEntries(
    Object.entries(source.out).map(([name, kind]) => [name, checkOne(source.name, name, kind, raw[name])]),
  )
}

function checkOne(step: string, name: string, kind: Kind, raw: RawOutput | undefined): RawOutput {
  if (!raw || raw.kind !== kind.kind) {
    throw new AppError('invalid', `The step ${step} did not give its output “${name}” (${kind.kind})`)
  }
  if (kind.kind !== 'json' || raw.kind !== 'json') return raw
  const parsed = kind.schema.safeParse(raw.value)
  if (!parsed.success) {
    throw new AppError('invalid', `The step ${step} gave a wrong “${name}”: ${z.prettifyError(parsed.error)}`)
  }
  return { kind: 'json', value: parsed.data as Json }
}

/** A DuckDB session with one thread, opened when first used. */
class LazySql implements StepSql, AsyncDisposable {
  readonly #analytics: Analytics
  readonly #folder: string
  #session: Promise<AnalyticsSession> | undefined
  #tables = 0

  constructor(analytics: Analytics, folder: string) {
    this.#analytics = analytics
    this.#folder = folder
  }

  async query(sql: string, parameters?: readonly (string | number | boolean | null)[]) {
    return await (await this.#open()).query(sql, parameters)
  }

  async columns(sql: string, parameters?: readonly (string | number | boolean | null)[]) {
    return await (await this.#open()).columns(sql, parameters)
  }

  async execute(sql: string): Promise<void> {
    await (await this.#open()).execute(sql)
  }

  async table(select: string): Promise<{ path: string }> {
    const path = join(this.#folder, `table-${this.#tables++}.parquet`)
    await this.execute(`COPY (${select}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`)
    return { path }
  }

  #open(): Promise<AnalyticsSession> {
    this.#session ??= this.#analytics.session({ threads: 1 })
    return this.#session
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#session) await (await this.#session)[Symbol.asyncDispose]()
  }
}
