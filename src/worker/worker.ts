import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { nameOfProject } from '../governance/governance.ts'
import { inProject } from '../http/command.ts'
import type { Context } from '../http/context.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { JobRunner } from '../jobs/runner.ts'
import { sha256 } from '../kernel/json.ts'
import { ChangeWatch, type PinSources } from '../pipelines/pipelines.ts'
import { pipelineJobs } from '../pipelines/jobs.ts'
import { pythonOf } from '../steps/steps.ts'
import { LocalLauncher } from './local-launcher.ts'
import { pinSources } from './pin-sources.ts'
import { roomJobs } from './rooms.ts'

/** They wait for other servers, and use little else. */
const DELIVERY_SLOTS = 8

export interface WorkerOptions {
  /** Another worker of the same name takes over what this one held. */
  name?: string
  handlers?: readonly JobHandler[]
  sources?: PinSources
}

/** Claims and runs jobs: those of the rooms, pipeline functions and steps. */
export async function startWorker(context: Context, options: WorkerOptions = {}): Promise<AsyncDisposable> {
  const { config } = context
  const launcher = new LocalLauncher(context)
  const watch = new ChangeWatch(context)
  const handlers = [
    ...(options.handlers ?? roomJobs),
    ...pipelineJobs({
      launcher,
      watch,
      sources: options.sources ?? pinSources(context),
      runtimeOf: runtimes(),
      async environmentOf({ projectId, tracked, token }) {
        const project = await nameOfProject(context, projectId)
        return {
          MLFLOW_TRACKING_URI: inProject(ownUrl(config), project),
          MLFLOW_RUN_ID: tracked.id,
          MLFLOW_EXPERIMENT_ID: tracked.experimentId,
          MLFLOW_TRACKING_TOKEN: token,
          TIDEMILL_TOKEN: token,
        }
      },
    }),
  ]
  const runner = new JobRunner(context, handlers, {
    worker: options.name ?? workerName(config.dataDir),
    slots: { work: config.workSlots, pipeline: config.pipelineSlots, delivery: DELIVERY_SLOTS },
  })
  await runner.start()
  return {
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]()
      watch[Symbol.dispose]()
      await launcher[Symbol.asyncDispose]()
    },
  }
}

/** The same for the next worker on this machine and data folder, so that it takes over at once; alone otherwise. */
function workerName(dataDir: string): string {
  const supervised = process.channel !== undefined
  return supervised
    ? `${hostname()}:${sha256(dataDir).slice(0, 12)}`
    : `${hostname()}:${process.pid}:${Date.now()}`
}

/** Where a step reaches the server: an address that stands for all of a machine's is none to connect to. */
function ownUrl({ host, port }: Context['config']): string {
  return `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`
}

/** What a kind of step runs on, as its fingerprint names it. Python is asked once for each folder. */
function runtimes(): (kind: string, folder: string) => Promise<string> {
  const pythons = new Map<string, Promise<string>>()
  return async (kind, folder) => {
    if (kind === 'sh') return 'sh'
    if (kind !== 'py') return `node ${process.versions.node.split('.')[0]}`
    const python = pythonOf(folder)
    const known = pythons.get(python)
    if (known) return await known
    const asked = pythonVersion(python)
    pythons.set(python, asked)
    return await asked
  }
}

async function pythonVersion(python: string): Promise<string> {
  const script = 'import sys; print(f"{sys.version_info.major}.{sys.version_info.minor}")'
  const { stdout } = await promisify(execFile)(python, ['-c', script]).catch(() => ({ stdout: 'missing' }))
  return `python ${stdout.trim()}`
}
