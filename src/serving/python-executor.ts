import { copyFile, constants, mkdir, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Context } from '../http/context.ts'
import { requirePythonModels, type Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import type { Tensor } from '../ports/inference/inference.ts'
import { PythonProcess } from '../ports/inference/python-process.ts'
import { allocate, sizeOf } from '../ports/inference/tensors.ts'
import { featuresOf, type Executor, type OpenedModel, type Tensors } from './executor.ts'
import { planFeeds, type PlannedFeature } from './feeds.ts'
import type { PythonModel, PythonTensor, Variant } from './schema.ts'
import { MAX_BATCH } from './sweep.ts'

export type PythonContext = Pick<Context, 'artifacts' | 'config' | 'ids' | 'log'>

const SCRIPT = fileURLToPath(new URL('../ports/inference/pyfunc_server.py', import.meta.url))

/**
 * Starts the Python process of a model over a copy of its files. Its environment is the folder `environments/<hash>` of the data folder that
 * belongs to the model's requirements, where there is one, else the setting `python`. Throws `invalid` with what Python said.
 */
export async function openPython(
  { artifacts, config, ids, log }: PythonContext,
  variant: Variant,
  features: readonly PlannedFeature[] | undefined,
): Promise<OpenedModel> {
  const { python, model, version } = variant
  if (python === undefined)
    throw new AppError('invalid', `${model}/${version} has neither an ONNX graph nor a Python model`)
  requirePythonModels(config)
  const plan = {
    ...planFeeds(python.inputs, python.outputs, features ?? featuresOf(python.inputs)),
    missingText: null,
  }
  const folder = join(config.dataDir, 'gateway', config.gatewayId, 'python', ids.uuid())
  try {
    await unpack(artifacts, python, folder)
    const environment = await environmentOf(artifacts, config, python)
    const started = performance.now()
    const process = await PythonProcess.open({
      python: environment.python,
      script: SCRIPT,
      args: [folder],
      cwd: folder,
      description: describe(python),
      startMs: config.pythonStartMs,
      callMs: config.pythonCallMs,
      maxResidentBytes: config.pythonMemoryMb * 1024 ** 2,
      onLine: (line) => log.info({ model, version, python: true }, line),
      onEvent: (event) => log.warn({ model, version }, `The Python process ${event}`),
    }).catch((cause: unknown) => {
      throw withEnvironment(cause, environment.hint)
    })
    const sweep = { curve: [], maxBatch: MAX_BATCH, rowUs: NaN, loadMs: performance.now() - started }
    const executor = executorOf(process, python, folder)
    return { executor, plan, inputs: python.inputs, outputs: python.outputs, sweep }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

function executorOf(process: PythonProcess, model: PythonModel, folder: string): Executor {
  return {
    kind: 'python',
    slots: 1,
    async run(feeds) {
      const { header, body } = await process.call(...toCall(model, feeds))
      return toOutputs(model, rowsOf(model, feeds), header['outputs'], body)
    },
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Copies: what the model does to its files must not reach the store. */
async function unpack(
  artifacts: Context['artifacts'],
  { files }: PythonModel,
  folder: string,
): Promise<void> {
  for (const { path, sha256: hash } of files) {
    const target = resolve(folder, path)
    if (!target.startsWith(folder + sep)) throw new AppError('invalid', `${path} leaves the model's folder`)
    await mkdir(dirname(target), { recursive: true })
    await copyFile(await artifacts.localPath(hash), target, constants.COPYFILE_FICLONE)
  }
}

async function environmentOf(
  artifacts: Context['artifacts'],
  config: Config,
  { files }: PythonModel,
): Promise<{ python: string; hint: string }> {
  const requirements = files.find(({ path }) => path === 'requirements.txt')
  if (requirements === undefined) return { python: config.python, hint: `Python is ${config.python}` }
  const text = await artifacts.bytes(requirements.sha256)
  const folder = join(config.dataDir, 'environments', sha256(text).slice(0, 16))
  const own = join(folder, 'bin', 'python')
  const exists = await stat(own).then(
    () => true,
    () => false,
  )
  if (exists) return { python: own, hint: `Python is ${own}` }
  const hint = `Python is ${config.python} (setting python). An environment of the model's own would stand in ${folder}: python3 -m venv ${folder} && ${folder}/bin/pip install -r requirements.txt`
  return { python: config.python, hint }
}

function withEnvironment(cause: unknown, hint: string): unknown {
  if (!(cause instanceof AppError)) return cause
  return new AppError(cause.code, `${cause.message}. ${hint}`, { cause })
}

function describe({ inputs, outputs, table }: PythonModel): object {
  const toPython = ({ name, datatype, shape, time = false, unnamed = false }: PythonTensor) => ({
    name,
    datatype,
    shape,
    time,
    unnamed,
  })
  return { inputs: inputs.map(toPython), outputs: outputs.map(toPython), table }
}

function rowsOf({ inputs }: PythonModel, feeds: Tensors): number {
  return feeds[inputs[0]!.name]!.shape[0] ?? 1
}

function toCall(model: PythonModel, feeds: Tensors): [object, Uint8Array[]] {
  const bodies: Uint8Array[] = []
  const inputs = model.inputs.map(({ name }) => {
    const { data } = feeds[name]!
    if (Array.isArray(data)) return { values: data }
    bodies.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return { bytes: data.byteLength }
  })
  return [{ rows: rowsOf(model, feeds), inputs }, bodies]
}

/** Throws `internal` for an answer that does not fit the model's outputs. */
function toOutputs(model: PythonModel, rows: number, given: unknown, body: Uint8Array): Tensors {
  const outputs: Record<string, Tensor> = {}
  let at = 0
  for (const [i, { name, datatype, shape }] of model.outputs.entries()) {
    const output = (given as { bytes?: number; values?: (string | null)[] }[])[i]
    const dimensions = [rows, ...shape.slice(1)]
    const data = allocate(datatype, sizeOf(dimensions))
    if (Array.isArray(data)) {
      for (let j = 0; j < data.length; j++) data[j] = output?.values?.[j] ?? ''
    } else {
      const bytes = new Uint8Array(data.buffer)
      if (output?.bytes !== bytes.length)
        throw new AppError(
          'internal',
          `The model gave ${output?.bytes} bytes of "${name}"; ${bytes.length} were expected`,
        )
      bytes.set(body.subarray(at, at + bytes.length))
      at += bytes.length
    }
    outputs[name] = { datatype, shape: dimensions, data }
  }
  return outputs
}
