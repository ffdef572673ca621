import { Option, type Command } from 'commander'
import { apiOf, parseAssignments, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { ApiClient } from '../http/api-client.ts'
import { AppError } from '../kernel/errors.ts'
import type { Effect, RunView, StepRun } from './schema.ts'

const POLL_MS = 200

export function addPipelineCommands(program: Command): void {
  withServerOptions(program.command('run').description('start a pipeline and follow it to its end'))
    .argument('<pipeline>', 'name of the pipeline')
    .argument('[params...]', 'params as name=value')
    .addOption(new Option('--no-wait', 'start it and return at once'))
    .action(runPipeline)
  withServerOptions(program.command('why').description('why a step ran, or why it was reused'))
    .argument('<run>', 'id of the pipeline run')
    .argument(
      '<step>',
      'name of the step, with the number of the call where there are several ("train 2"), or its id',
    )
    .action(whyStep)
}

async function runPipeline(
  pipeline: string,
  params: string[],
  options: CommandOptions & { wait: boolean },
): Promise<void> {
  const api = apiOf(options)
  const started = await api.post<{ id: string }>(`/pipelines/${encodeURIComponent(pipeline)}/runs`, {
    params: parseAssignments(params),
  })
  if (!options.wait) return print(options, started, () => `Started ${pipeline} as run ${started.id}`)
  const view = await follow(api, started.id, (line) => {
    if (!options.json) process.stderr.write(`${line}\n`)
  })
  print(options, view, () =>
    [`${pipeline} ${view.run.state} (run ${view.run.id})`, ...inOrder(view.effects).map(describeEffect)].join(
      '\n',
    ),
  )
  if (view.run.state !== 'succeeded') {
    throw new AppError('conflict', `The pipeline run ${view.run.state}: ${view.run.error ?? 'see its steps'}`)
  }
}

/** What was registered comes before where it was deployed. */
function inOrder(effects: readonly Effect[]): Effect[] {
  return effects.toSorted((a, b) => b.kind.localeCompare(a.kind))
}

function describeEffect({ kind, input, state, result }: Effect): string {
  const came = (result ?? {}) as { version?: number; sentence?: string; error?: string }
  if (state === 'failed') return `  ${kind} ${input.name} failed: ${came.error}`
  return `  ${came.sentence ?? `${kind} ${input.name}: ${input.name}/${came.version}`}`
}

/** Polls a run until it has ended and its effects are carried out; `say` is told of each step that changed. */
async function follow(api: ApiClient, runId: string, say: (line: string) => void): Promise<RunView> {
  const states = new Map<string, string>()
  for (;;) {
    const view = await api.get<RunView>(`/pipeline-runs/${runId}`)
    for (const step of view.steps) {
      if (states.get(step.id) === step.state) continue
      states.set(step.id, step.state)
      if (step.state !== 'waiting') say(`  ${nameAmong(view.steps, step)}: ${describeStep(step)}`)
    }
    const hasEnded = view.run.finishedMs !== null
    if (hasEnded && !view.effects.some(({ state }) => state === 'requested')) return view
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function describeStep({ cached, state, startedMs, finishedMs, error }: StepRun): string {
  if (cached) return 'reused'
  const took = startedMs && finishedMs ? ` in ${((finishedMs - startedMs) / 1000).toFixed(1)} s` : ''
  return `${state}${took}${error ? ` — ${error}` : ''}`
}

/** Calls of one step are told apart by their number. */
function nameAmong(steps: readonly StepRun[], { id, name }: StepRun): string {
  const same = steps.filter((step) => step.name === name)
  return same.length === 1 ? name : `${name} ${same.findIndex((step) => step.id === id) + 1}`
}

async function whyStep(runId: string, step: string, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  const { steps } = await api.get<RunView>(`/pipeline-runs/${encodeURIComponent(runId)}`)
  const named = (each: StepRun): boolean => [each.id, nameAmong(steps, each), each.name].includes(step)
  const found = steps.find(named)
  if (!found) {
    const names = steps.map((each) => nameAmong(steps, each)).join(', ')
    throw new AppError('not_found', `The run has no step ${step}; it has ${names}`)
  }
  const why = await api.get<{ sentence: string; changes: string[] }>(
    `/pipeline-runs/${encodeURIComponent(runId)}/steps/${found.id}/why`,
  )
  const several = why.changes.length > 1 ? why.changes.map((change) => `  ${change}`) : []
  print(options, why, () => [why.sentence, ...several].join('\n'))
}
