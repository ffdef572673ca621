import type { Supervisor } from '../supervisor/supervisor.ts'
import { applyDemoProject } from './demo.ts'
import { count, type Narrator } from './narrator.ts'
import { DEPLOYMENT, type World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export interface Stage {
  world: World
  narrator: Narrator
  supervisor: Supervisor
  /** The project's folder, which a person edits in the course of the story. */
  project: string
  /** The example that it was copied from, with its changes. */
  example: string
}

function january(day: number): number {
  return Date.UTC(2001, 0, day)
}

function february(day: number): number {
  return Date.UTC(2001, 1, day)
}

/** The story of the demo, chapter by chapter. */
export class Story {
  readonly #stage: Stage
  readonly #told = new Set<string>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async play(): Promise<void> {
    await this.#januaryArrives()
    await this.#februaryIsAsked()
  }

  async #januaryArrives(): Promise<void> {
    const { world, narrator, project } = this.#stage
    narrator.chapter(1, 'January arrives; three models are compared; the winner is deployed')
    await world.feed.deliver({ fromMs: january(1), toMs: february(1) })
    await world.driver.advance(february(1))
    narrator.say(await applyDemoProject(world.driver, project))
    await world.ingest()
    const { latest } = await world.driver.api.get<{ latest: { number: number; rows: number } }>('/datasets/flights')
    narrator.say(`flights v${latest.number}: ${count(latest.rows)} flights, checked and versioned.`)
    await this.#runPipeline()
    await this.#tell()
  }

  async #runPipeline(): Promise<void> {
    const { world, narrator } = this.#stage
    const { id } = await world.driver.api.post<{ id: string }>('/pipelines/train-late/runs', { params: {} })
    await world.driver.settle()
    const { run, steps } = await world.driver.api.get<{
      run: { state: string; error: string | null }
      steps: { name: string; cached: boolean; startedMs: number; finishedMs: number }[]
    }>(`/pipeline-runs/${id}`)
    const reused = steps.filter(({ cached }) => cached).length
    narrator.say(`train-late ${run.state}: ${steps.length} steps, ${reused} reused. ${run.error ?? ''}`)
  }

  async #februaryIsAsked(): Promise<void> {
    const { world, narrator } = this.#stage
    narrator.chapter(2, 'February is asked, flight by flight; labels follow after landing')
    await world.play({ fromMs: february(1), toMs: february(1) + DAY_MS * 3, every: 16, filesEveryHours: 24 })
    const { counts } = world.driver
    narrator.say(`${count(counts.answered)} predictions answered, ${count(counts.labelled)} labelled.`)
    await this.#tell()
    void DEPLOYMENT
  }

  /** The decisions that were stored since the last time, as their own sentences. */
  async #tell(): Promise<void> {
    const { world, narrator } = this.#stage
    const decisions = await world.allDecisions()
    for (const { id, sentence } of decisions.reverse()) {
      if (this.#told.has(id)) continue
      this.#told.add(id)
      narrator.decision(sentence)
    }
  }
}
