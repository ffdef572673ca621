// Runs code of one project snapshot for the worker: the folder is the argument, tasks come over the channel, one
// at a time. It ends when the worker is gone.
import { messageOf } from '../kernel/errors.ts'
import { endGroup } from '../kernel/process-group.ts'
import { watchParent } from '../kernel/watch-parent.ts'
import {
  FunctionRun,
  loadBuiltInBody,
  runStep,
  type Answer,
  type FunctionMessage,
  type StepMessage,
  type Task,
} from '../steps/steps.ts'
import { builtInSteps, stepSource } from '../steps/definition.ts'
import { locationIn, openProject, type OpenProject } from '../project/open.ts'
import { servicesOf } from '../project/feature-services.ts'
import { provideTidemill } from '../project/tidemill-import.ts'
import { lazyAnalytics } from '../ports/analytics/lazy.ts'

export type ToChild = Task | Answer | { type: 'abort'; reason: string }

const folder = process.argv[2]!
const analytics = lazyAnalytics()
let project: Promise<OpenProject> | undefined
let services: ReturnType<typeof servicesOf> | undefined
let current: FunctionRun | undefined
let abort = new AbortController()
let foreignPid: number | undefined

provideTidemill()
// Training blocks this thread.
watchParent()
captureOutput()
process.on('message', (message: ToChild) => void receive(message))
process.on('disconnect', () => {
  if (foreignPid !== undefined) endGroup(foreignPid)
  // Nothing of it is wanted any more, and an orderly exit waits for what other threads are at.
  process.kill(process.pid, 'SIGKILL')
})

async function receive(message: ToChild): Promise<void> {
  if (message.type === 'answer') current?.receive(message)
  else if (message.type === 'abort') abort.abort(new Error(message.reason))
  else if (message.type === 'function') await runFunction(message)
  else await step(message)
}

async function runFunction(task: Extract<Task, { type: 'function' }>): Promise<void> {
  try {
    const project = await open()
    const source = project.pipelines.get(task.pipeline)
    if (!source) throw new Error(`The project has no pipeline ${task.pipeline}`)
    services ??= servicesOf(folder, project.source)
    current = new FunctionRun(task, { idOf: (step) => project.idOf(step), services: await services }, send)
    await current.run(source)
  } catch (error) {
    send({ type: 'finished', error: messageOf(error) })
  } finally {
    current = undefined
  }
}

async function step(task: Extract<Task, { type: 'step' }>): Promise<void> {
  abort = new AbortController()
  try {
    const { steps } = await open()
    const builtIn = builtInSteps.find((made) => stepSource(made)?.name === task.step.name)
    const source = task.step.kind === 'built_in' ? stepSource(builtIn) : steps.get(task.step.id)?.source
    if (!source) throw new Error(`The project has no step ${task.step.id}`)
    const outputs = await runStep(source, task, {
      analytics,
      signal: abort.signal,
      codeFolder: folder,
      builtIn: loadBuiltInBody,
      send(message) {
        if (message.type === 'foreign') foreignPid = message.pid
        send(message)
      },
    })
    send({ type: 'gave', outputs })
  } catch (error) {
    const where = locationIn(folder, error)
    send({ type: 'threw', error: where === undefined ? messageOf(error) : `${messageOf(error)} (${where})` })
  } finally {
    foreignPid = undefined
  }
}

function open(): Promise<OpenProject> {
  project ??= openProject(folder)
  return project
}

function send(message: StepMessage | FunctionMessage): void {
  if (process.connected) process.send!(message)
}

/** What the project prints goes to the log in order with everything else. */
function captureOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array, encoding?: unknown, done?: () => void) => {
      send({ type: 'log', text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8') })
      const callback = typeof encoding === 'function' ? (encoding as () => void) : done
      callback?.()
      return true
    }
  }
}
