import { AppError, toAppError } from '../kernel/errors.ts'
import { applyFolder } from '../project/commands.ts'
import type { DecisionKind } from '../governance/schema.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { amount } from '../kernel/amount.ts'
import type { Narrator } from './narrator.ts'
import type { Stretch, World } from './world.ts'

export interface Stage {
  world: World
  narrator: Narrator
  supervisor: Supervisor
  /** The project's folder, which a person edits in the course of the story. */
  project: string
  /** The example that it was copied from, with its changes. */
  example: string
}

export interface RolloutView {
  id: string
  state: string
  candidateVersion: number
}

export interface AlertView {
  id: string
  kind: string
  state: string
  sentence: string
  blocksTraining: boolean
  raisedMs: number
}

/** What the chapters share: domain time, what was told already, and the questions they ask the server. */
export class Story {
  readonly stage: Stage
  nowMs: number
  readonly #told = new Set<string>()

  constructor(stage: Stage, startsMs: number) {
    this.stage = stage
    this.nowMs = startsMs
  }

  /** Plays a stretch that begins now, and tells what was decided meanwhile. */
  async play(stretch: Omit<Stretch, 'fromMs'>): Promise<void> {
    this.nowMs = await this.stage.world.play({ ...stretch, fromMs: this.nowMs })
    await this.tell()
  }

  /** Runs a part of the story in which something is injected: decisions that it causes are labelled so. */
  async injecting(
    drill: { label: string; kinds: readonly DecisionKind[]; match: string },
    part: () => Promise<void>,
  ): Promise<void> {
    const { api } = this.stage.world.driver
    const { id } = await api.post<{ id: string }>('/drills', drill)
    await part()
    await api.post(`/drills/${id}/end`)
  }

  /** The decisions that were stored since the last time, as their own sentences. */
  async tell(): Promise<void> {
    const decisions = await this.stage.world.allDecisions()
    for (const { id, sentence, atMs, kind, injected } of decisions.reverse()) {
      if (this.#told.has(id)) continue
      this.#told.add(id)
      const time = new Date(atMs).toISOString().slice(5, 16).replace('T', ' ')
      if (kind !== 'deploy' || !sentence.includes('Gate'))
        this.stage.narrator.decision(`${time}  ${sentence}`, injected)
    }
  }

  async apply(): Promise<void> {
    const { world, narrator, project } = this.stage
    const { version, changes } = await applyFolder(world.driver.api, project)
    const list = changes.map(({ change, what, name }) => `${change} ${what} ${name}`).join(', ')
    narrator.say(`tidemill apply: version ${version.number} (${list}).`)
  }

  /** Applies what is refused, and says why it is. */
  async refusal(): Promise<string> {
    const { world, project } = this.stage
    const refused = await applyFolder(world.driver.api, project).then(
      () => undefined,
      (error: unknown) => toAppError(error),
    )
    if (refused?.code === 'invalid') return refused.message
    throw new AppError('internal', 'The project was not refused', { cause: refused })
  }

  async runPipeline(pipeline: string): Promise<void> {
    const { world, narrator } = this.stage
    const { api } = world.driver
    const { id } = await api.post<{ id: string }>(`/pipelines/${pipeline}/runs`, { params: {} })
    await world.driver.settle()
    const { run, steps } = await api.get<{
      run: { state: string; error: string | null; startedMs: number; finishedMs: number }
      steps: { name: string; cached: boolean }[]
    }>(`/pipeline-runs/${id}`)
    if (run.state !== 'succeeded') throw new AppError('internal', `${pipeline} ${run.state}: ${run.error}`)
    const reused = steps.filter(({ cached }) => cached).length
    const took = ((run.finishedMs - run.startedMs) / 1000).toFixed(1)
    narrator.say(`tidemill run ${pipeline}: ${steps.length} steps in ${took} s, ${reused} of them reused.`)
    await this.tell()
  }

  async newestVersion(): Promise<number> {
    const { versions } = await this.stage.world.driver.api.get<{ versions: { version: number }[] }>(
      '/models/late',
    )
    return Math.max(...versions.map(({ version }) => version))
  }

  async stableVersion(): Promise<number> {
    const { stable } = await this.stage.world.driver.api.get<{ stable: { version: number } | null }>(
      '/deployments/late',
    )
    return stable?.version ?? 0
  }

  /** The rollout that is under way. */
  async activeRollout(): Promise<RolloutView | undefined> {
    const { items } = await this.stage.world.driver.api.get<{ items: RolloutView[] }>(
      '/rollouts?deployment=late',
    )
    return items.find(({ state }) => state === 'shadow' || state === 'canary')
  }

  async alerts(): Promise<AlertView[]> {
    return (await this.stage.world.driver.api.get<{ items: AlertView[] }>('/alerts?limit=500')).items
  }

  sayCounts(): void {
    const { asked, answered, labelled } = this.stage.world.driver.counts
    this.stage.narrator.say(
      `So far ${amount(answered)} of ${amount(asked)} requests answered, ${amount(labelled)} labels sent.`,
    )
  }
}

export function january(day: number): number {
  return Date.UTC(2001, 0, day)
}

export function february(day: number): number {
  return Date.UTC(2001, 1, day)
}
