import { localOwner } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Context } from '../http/context.ts'
import { logQuality } from '../monitoring/monitoring.ts'
import { predictionScan, feedbackScan } from '../prediction-log/prediction-log.ts'
import { table } from '../http/command.ts'
import { amount } from '../kernel/amount.ts'
import type { Narrator } from './narrator.ts'
import type { Story } from './story.ts'
import { DEPLOYMENT } from './world.ts'

const PROJECT = { projectId: 'default' }
const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

/**
 * 10. What came of it. Every number is computed from what Tidemill has stored; below each part stands the command that
 * computes it again.
 */
export async function summarize(story: Story, context: Context): Promise<void> {
  const { narrator } = story.stage
  narrator.chapter(10, 'Summary')
  await tellVersions(context, narrator)
  await tellDecisions(story)
  await tellCounts(story, context)
  narrator.say('')
  narrator.say('Real: every flight, delay and landing, and all that was decided about them.')
  narrator.say(
    'Injected, and labelled so wherever it is shown: the frozen feed of ORD, the release that held the',
  )
  narrator.say(
    'answer, the file with broken rows, the three kills. Landing times are estimated from distance, and `date`',
  )
  narrator.say('looks like the actual departure; it is taken as the moment of prediction.')
}

interface Version {
  version: number
  state: string
}

async function tellVersions(context: Context, narrator: Narrator): Promise<void> {
  const scan = await predictionScan(context, { ...PROJECT, ...ALL, deployment: DEPLOYMENT })
  const served = await context.analytics.query(
    `SELECT DISTINCT version FROM ${scan} WHERE variant IN ('stable', 'canary') ORDER BY version`,
  )
  const rows: string[][] = []
  for (const { version } of served as unknown as Version[]) {
    const {
      metrics,
      rows: labelled,
      days,
    } = await logQuality(context, {
      ...PROJECT,
      actor: localOwner,
      deployment: DEPLOYMENT,
      version,
    })
    rows.push([
      `late/${version}`,
      interval(metrics['auc']),
      interval(metrics['log_loss']),
      amount(labelled),
      String(days),
    ])
  }
  narrator.say('')
  narrator.say('On live labels, with 95 % intervals over days:')
  narrator.block(table(['version', 'AUC', 'log loss', 'labelled', 'days'], rows))
  narrator.say(`again: tidemill quality late --version 1 --data-dir ${context.config.dataDir}`)
}

function interval(
  metric: { estimate: number; lower: number | null; upper: number | null } | undefined,
): string {
  if (!metric) return '–'
  const { estimate, lower, upper } = metric
  const bounds = lower === null || upper === null ? '' : ` [${lower.toFixed(3)}, ${upper.toFixed(3)}]`
  return estimate.toFixed(3) + bounds
}

async function tellDecisions(story: Story): Promise<void> {
  const { world, narrator, supervisor } = story.stage
  const { serverUrl } = supervisor.running
  const decisions = await world.allDecisions()
  const kinds = new Map<string, { total: number; injected: number }>()
  for (const { kind, injected } of decisions) {
    const sum = kinds.get(kind) ?? { total: 0, injected: 0 }
    kinds.set(kind, { total: sum.total + 1, injected: sum.injected + (injected ? 1 : 0) })
  }
  narrator.say('')
  narrator.say('Decisions, each stored with its inputs, numbers and rule:')
  narrator.block(
    table(
      ['kind', 'all', 'of which caused by what was injected'],
      [...kinds].map(([kind, { total, injected }]) => [kind, String(total), String(injected)]),
    ),
  )
  narrator.say(`again, while it is up: curl "${serverUrl}/api/v1/decisions?limit=500"`)
}

/** Every prediction and label that was acknowledged is looked for in the log. */
async function tellCounts(story: Story, context: Context): Promise<void> {
  const { world, narrator } = story.stage
  const { counts } = world.driver
  const predictions = await predictionScan(context, { ...PROJECT, ...ALL, deployment: DEPLOYMENT })
  const feedback = await feedbackScan(context, { ...PROJECT, ...ALL })
  const logged = await context.analytics.columns(
    `SELECT prediction_id FROM ${predictions} WHERE variant <> 'shadow'`,
  )
  const labelled = await context.analytics.columns(`SELECT DISTINCT prediction_id FROM ${feedback}`)
  const found = new Set(logged['prediction_id'] as string[])
  const labels = new Set(labelled['prediction_id'] as string[])
  const missing = [...world.acknowledged.keys()].filter((id) => !found.has(id)).length
  const unlabelled = [...world.labelled].filter((id) => !labels.has(id)).length
  narrator.say('')
  narrator.say(
    `${amount(counts.answered)} predictions and ${amount(counts.labelled)} labels were acknowledged; ${missing} and ${unlabelled} of them are missing in the log.`,
  )
  narrator.say(
    `again: tidemill sql "SELECT count(*) FROM prediction WHERE variant <> 'shadow'" --data-dir ${context.config.dataDir}`,
  )
  if (missing + unlabelled > 0) throw new AppError('internal', 'Something that was acknowledged is missing')
}
