import { serve } from '@hono/node-server'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localOwner } from '../../src/kernel/actor.ts'
import { mlflowApp } from '../../src/protocols/mlflow/mlflow.ts'
import { importOnnx } from '../../src/registry/import-onnx.ts'
import { findVersionByAlias } from '../../src/registry/registry.ts'
import { deployableVersion } from '../../src/rollout/admission.ts'
import { deploy } from '../../src/rollout/rollout.ts'
import { openTestContext, PROJECT_ID, type TestContext } from '../databases.ts'
import { deploymentOf, lease, openGateway, publish, type TestGateway } from '../gateways.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'models')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-models-'))
const caller = { projectId: PROJECT_ID, actor: localOwner }
let python: string
let context: TestContext

beforeAll(async () => {
  python = await ensureEnvironment('models', join(scripts, 'requirements.txt'))
  const opened = await openTestContext()
  context = { ...opened, config: { ...opened.config, python } }
}, 1_200_000)

afterAll(async () => {
  await context[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a script as a user would; tells what it printed last. */
async function runScript(script: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(python, ['-W', 'ignore', join(scripts, script), ...args], {
    cwd: folder,
    env: { ...process.env, HOME: folder, MLFLOW_DISABLE_TELEMETRY: 'true', ...env },
    maxBuffer: 16 * 1024 ** 2,
    timeout: 500_000,
  })
  return stdout.trim().split('\n').at(-1)!
}

describe('exports of other libraries', () => {
  it('are imported as they are, and give what the library gives', async () => {
    expect(await runScript('onnx_exports.py', [folder])).toBe('ok')
    const names = readdirSync(folder)
      .filter((file) => file.endsWith('.onnx') && file !== 'sklearn-svc.onnx')
      .map((file) => file.slice(0, -'.onnx'.length))
    expect(names.length).toBeGreaterThan(20)
    const found = new Map<string, Awaited<ReturnType<typeof importOnnx>>>()
    for (const name of names) {
      const put = (file: string) => context.artifacts.putFile(join(folder, file))
      const imported = await importOnnx(context, {
        ...caller,
        model: name,
        onnx: await put(`${name}.onnx`),
        source: `${name}.onnx`,
        golden: { blob: await put(`${name}.json`), format: 'json' },
        ...(name.startsWith('torch') && { task: 'regression' as const }),
      })
      expect(imported.version.importReport?.golden?.rows, name).toBeGreaterThan(0)
      found.set(name, imported)
    }
    const signatureOf = (name: string) => found.get(name)!.version.signature
    expect(signatureOf('sklearn-words')).toMatchObject({ task: 'binary', classes: ['late', 'on time'] })
    expect(signatureOf('lightgbm-three')).toMatchObject({ task: 'multiclass', classes: [0, 1, 2] })
    expect(signatureOf('xgboost')).toMatchObject({ score: { output: 'probabilities', column: 1 } })
    expect(signatureOf('sklearn-columns')?.inputs.map(({ name }) => name)).toEqual([
      'hour',
      'distance',
      'carrier',
    ])
    for (const name of ['torch-Linear', 'torch-Conv1d', 'torch-Embedding'])
      expect(found.get(name)!.version.importReport?.changes).toContain(
        'The number of rows was fixed and is free',
      )
    const parquet = await context.artifacts.putFile(join(folder, 'sklearn-columns.parquet'))
    const again = await importOnnx(context, {
      ...caller,
      model: 'from-parquet',
      onnx: await context.artifacts.putFile(join(folder, 'sklearn-columns.onnx')),
      source: 'sklearn-columns.onnx',
      golden: { blob: parquet, format: 'parquet' },
    })
    expect(again.version.importReport?.golden).toMatchObject({ rows: 20 })
    await expect(
      importOnnx(context, {
        ...caller,
        model: 'svc',
        onnx: await context.artifacts.putFile(join(folder, 'sklearn-svc.onnx')),
        source: 'svc',
      }),
    ).rejects.toThrow(/no probability/)
  })
})

interface Expected {
  frame: number[][]
  carrier: string[]
  at: string[]
  probabilities: number[][]
  labels: number[]
  rule: number[]
  days: number[]
}

interface Invoked {
  status: number
  body: {
    predictions: unknown
    variant?: string
    version?: number
    decisions?: string[]
    error_code?: string
    message?: string
  }
}

describe('models that the MLflow client logs', () => {
  let expected: Expected
  let gateway: TestGateway | undefined
  let generation = 0

  beforeAll(async () => {
    const app = mlflowApp(context, () => localOwner)
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const printed = await runScript('log_models.py', [], {
      MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}`,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
    })
    await new Promise((resolve) => server.close(resolve))
    expected = JSON.parse(printed) as Expected
    gateway = await openGateway(context)
  }, 600_000)

  afterAll(() => gateway?.[Symbol.asyncDispose]())

  async function serves(): Promise<void> {
    for (let tries = 0; gateway!.gateway.engine.generation < generation; tries++) {
      if (tries > 2000) throw new Error('Not served')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(gateway!.gateway.engine.problems).toEqual({})
  }

  async function deployVersion(model: string, version: number): Promise<void> {
    await deploy(context, { ...caller, deployment: model, model, version })
    generation += 1
    await serves()
  }

  async function deployChampion(model: string): Promise<void> {
    const version = await findVersionByAlias(context, { ...caller, model, alias: 'champion' })
    await deployVersion(model, version!.version)
  }

  async function pythonProcesses(): Promise<number[]> {
    const { stdout } = await run('pgrep', ['-f', `pyfunc_server.py ${context.config.dataDir}`])
    return stdout.trim().split('\n').map(Number)
  }

  const invoke = (deployment: string, body: unknown): Promise<Invoked> =>
    gateway!.infer(`/endpoints/${deployment}/invocations`, body) as unknown as Promise<Invoked>

  const split = (columns: string[], data: unknown[][]) => ({ dataframe_split: { columns, data } })
  const close = (actual: unknown, wanted: number) => expect(Number(actual)).toBeCloseTo(wanted, 4)

  it('as ONNX, with the names of their columns from the signature', async () => {
    await deployVersion('graph', 1)
    const { status, body } = await invoke('graph', split(['hour', 'distance'], expected.frame))
    expect(status).toBe(200)
    const predictions = body.predictions as Record<string, number[]>[]
    predictions.forEach((row, i) => close(row['output_probability']![1], expected.probabilities[i]![1]!))
    expect((await invoke('graph', { instances: expected.frame })).body.predictions).toEqual(predictions)
  })

  it('as pyfunc: a table in, probabilities or labels out', async () => {
    await deployChampion('columns')
    const { status, body } = await invoke('columns', split(['hour', 'distance'], expected.frame))
    expect(status).toBe(200)
    const predictions = body.predictions as number[][]
    predictions.forEach((row, i) => close(row[1], expected.probabilities[i]![1]!))
    expect(body.decisions).toEqual(expected.probabilities.map(([, late]) => String(late! >= 0.5)))
    await deployChampion('labels')
    const labels = await invoke('labels', { instances: expected.frame })
    expect(labels.body).toMatchObject({
      predictions: expected.labels,
      decisions: expected.labels.map(String),
    })
  })

  it('as pyfunc: texts and times in, several outputs out; what it prints and raises does no harm', async () => {
    await deployChampion('rule')
    const columns = ['hour', 'distance', 'carrier', 'at']
    const rows = expected.frame.map((row, i) => [...row, expected.carrier[i], expected.at[i]])
    const { status, body } = await invoke('rule', split(columns, rows))
    expect(status).toBe(200)
    const predictions = body.predictions as { probability: number; day: number; carrier_seen: string }[]
    predictions.forEach((row, i) => close(row.probability, expected.rule[i]!))
    expect(predictions.map(({ day }) => day)).toEqual(expected.days)
    expect(predictions.map(({ carrier_seen }) => carrier_seen)).toEqual(expected.carrier)
    const wrong = await invoke('rule', split(columns, [[-1, 0, 'AA', expected.at[0]]]))
    expect(wrong).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining('ValueError: no hour before midnight') as string },
    })
    const missing = await invoke('rule', split(columns, [[20, 0, null, expected.at[0]]]))
    expect(missing.status).toBe(200)
    close((missing.body.predictions as { probability: number }[])[0]!.probability, 1 / (1 + Math.exp(-4)))
  })

  it('without a signature can’t be deployed, and say why', async () => {
    await expect(deployChampion('unsigned')).rejects.toThrow(/infer_signature/)
    const closed = { ...context, config: { ...context.config, pythonModels: false } }
    const version = { ...caller, deployment: 'closed', model: 'rule', version: 1 }
    await expect(deploy(closed, version)).rejects.toThrow(/pythonModels = true/)
  })

  it('killed under load answer or refuse every request, and are back', async () => {
    const pids = await pythonProcesses()
    expect(pids.length).toBe(3)
    let answered = 0
    const asked = Array.from({ length: 100 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 5))
      const { status } = await invoke('columns', split(['hour', 'distance'], [expected.frame[i % 20]!]))
      answered += 1
      if (answered === 20) for (const pid of pids) process.kill(pid, 'SIGKILL')
      return status
    })
    expect(new Set(await Promise.all(asked))).toEqual(new Set([200, 503]))
    let back = 0
    for (let tries = 0; back !== 200 && tries < 300; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      back = (await invoke('columns', split(['hour', 'distance'], expected.frame))).status
    }
    expect(back).toBe(200)
  })

  it('replace each other: a pyfunc candidate beside an ONNX version, which answers for it when it dies', async () => {
    const [onnx, pyfunc] = await Promise.all(
      [1, 2].map((version) => deployableVersion(context, { ...caller, model: 'graph', version })),
    )
    const candidate = { ...pyfunc!, rolloutId: 'r', stage: 0, mode: 'canary' as const, weight: 10_000 }
    const deployment = deploymentOf(onnx!, { name: 'graph', candidate })
    generation = await publish(context, [deployment])
    await lease(context, 'r')
    await serves()
    const ask = (row: number[]) => invoke('graph', split(['hour', 'distance'], [row]))
    let answer = await ask(expected.frame[0]!)
    for (let tries = 0; answer.body.variant !== 'canary' && tries < 1_000; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      answer = await ask(expected.frame[0]!)
    }
    expect(answer.body).toMatchObject({ variant: 'canary', version: 2 })
    close((answer.body.predictions as number[][])[0]![1], expected.probabilities[0]![1]!)
    for (const pid of await pythonProcesses()) process.kill(pid, 'SIGKILL')
    const rescued = await ask(expected.frame[1]!)
    expect(rescued).toMatchObject({ status: 200, body: { variant: 'stable', version: 1 } })
  })
})
