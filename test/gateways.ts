import type { Context } from '../src/http/context.ts'
import { startGateway, type Gateway } from '../src/gateway/gateway.ts'
import { train } from '../src/learners/learners.ts'
import type { DesiredDeployment, DesiredState, Variant } from '../src/serving/schema.ts'
import type { ServingOptions } from '../src/serving/serving-engine.ts'

/** A small logistic model on hour, distance, carrier and `more` numbers; a larger `shift` makes it sure of the answer 1. */
export function tinyModel(shift = 0, more: readonly string[] = []): Uint8Array {
  const rows = 400
  const hour = Float64Array.from({ length: rows }, (_, i) => i % 24)
  const distance = Float64Array.from({ length: rows }, (_, i) => (i * 37) % 1000)
  const codes = Int32Array.from({ length: rows }, (_, i) => i % 2)
  const target = Float64Array.from({ length: rows }, (_, i) =>
    (i % 24) + codes[i]! * 5 + shift > 16 ? 1 : 0,
  )
  return train({
    learner: 'logistic',
    task: 'binary',
    features: [
      { name: 'hour', kind: 'number' },
      { name: 'distance', kind: 'number' },
      { name: 'carrier', kind: 'category' },
      ...more.map((name) => ({ name, kind: 'number' as const })),
    ],
    frame: {
      rows,
      columns: {
        hour: { kind: 'number', values: hour },
        distance: { kind: 'number', values: distance },
        carrier: { kind: 'category', codes, categories: ['AA', 'UA'] },
        ...Object.fromEntries(more.map((name) => [name, { kind: 'number' as const, values: distance }])),
      },
    },
    target,
  }).toOnnx()
}

/** A variant over a model's bytes, stored as a blob. */
export async function variantOf(
  { artifacts }: Pick<Context, 'artifacts'>,
  { version, bytes }: { version: number; bytes: Uint8Array },
): Promise<Variant> {
  const { sha256 } = await artifacts.put(bytes)
  return {
    modelVersionId: `late-${version}`,
    model: 'late',
    version,
    onnxSha256: sha256,
    signature: {
      task: 'binary',
      inputs: [
        { name: 'hour', kind: 'number', datatype: 'FP32', nullable: true },
        { name: 'distance', kind: 'number', datatype: 'FP32', nullable: true },
        { name: 'carrier', kind: 'category', datatype: 'BYTES', nullable: true },
      ],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
      ],
    },
  }
}

export function deploymentOf(stable: Variant, more: Partial<DesiredDeployment> = {}): DesiredDeployment {
  return {
    projectId: 'default',
    project: 'default',
    name: 'late',
    task: 'binary',
    unit: 'request',
    policy: { version: 1, threshold: 0.5 },
    stable,
    pinned: [],
    ...more,
  }
}

/** Publishes the next generation, as the rollout room does. */
export async function publish(
  { db }: Pick<Context, 'db'>,
  deployments: DesiredDeployment[],
  {
    replay = false,
    tokens = [],
    features = [],
  }: Partial<Pick<DesiredState, 'replay' | 'tokens' | 'features'>> = {},
): Promise<number> {
  return await db.write(async (trx) => {
    const last = await trx
      .selectFrom('desired_state')
      .select((eb) => eb.fn.max('generation').as('last'))
      .executeTakeFirst()
    const document: DesiredState = {
      generation: (last?.last ?? 0) + 1,
      replay,
      deployments,
      tokens,
      features,
    }
    await trx
      .insertInto('desired_state')
      .values({
        generation: document.generation,
        project_id: '*',
        document_json: JSON.stringify(document),
        created_ms: await db.wallTime(trx),
      })
      .execute()
    return document.generation
  })
}

export async function lease({ db }: Pick<Context, 'db'>, rolloutId: string, forMs = 60_000): Promise<void> {
  await db.write(async (trx) => {
    const until_ms = (await db.wallTime(trx)) + forMs
    await trx
      .insertInto('candidate_lease')
      .values({ rollout_id: rolloutId, project_id: 'default', until_ms })
      .onConflict((conflict) => conflict.column('rollout_id').doUpdateSet({ until_ms }))
      .execute()
  })
}

export interface TestGateway extends AsyncDisposable {
  gateway: Gateway
  url: string
  /** Waits until the gateway serves a generation. */
  serves(generation: number): Promise<void>
  infer(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: InferAnswer }>
}

export interface InferAnswer {
  error?: string
  model_version: string
  id?: string
  parameters: Record<string, string | number | boolean>
  outputs: { name: string; shape: number[]; datatype: string; data: (number | string | null)[] }[]
}

export async function openGateway(context: Context, serving: ServingOptions = {}): Promise<TestGateway> {
  const gateway = await startGateway(context, { host: '127.0.0.1', port: 0, serving })
  const url = `http://127.0.0.1:${gateway.port}`
  return {
    gateway,
    url,
    async serves(generation) {
      for (let tries = 0; gateway.engine.generation < generation; tries++) {
        if (tries > 6_000) throw new Error(`Generation ${generation} is not served`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async infer(path, body, headers = {}) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as InferAnswer }
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

export function row(hour: number, distance = 500, carrier = 'AA'): unknown {
  return {
    inputs: [
      { name: 'hour', shape: [1, 1], datatype: 'FP32', data: [hour] },
      { name: 'distance', shape: [1, 1], datatype: 'FP32', data: [distance] },
      { name: 'carrier', shape: [1, 1], datatype: 'BYTES', data: [carrier] },
    ],
  }
}
