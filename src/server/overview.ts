import { amount } from '../kernel/amount.ts'
import { latestVersion, listDatasets } from '../data/data.ts'
import { listFreshness } from '../materialization/materialization.ts'
import { listDecisions, nameOfProject } from '../governance/governance.ts'
import type { Decision } from '../governance/schema.ts'
import type { Context } from '../http/context.ts'
import { route } from '../http/route.ts'
import type { Caller } from '../kernel/actor.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import { getMonitoring, listOpenAlerts } from '../monitoring/monitoring.ts'
import { listRuns } from '../pipelines/pipelines.ts'
import { listPromotions } from '../promotions/promotions.ts'
import { findProjectName } from '../project/apply.ts'
import { listRefusedDatasets, type RefusedDataset } from './refused-datasets.ts'
import { listDeploymentStates } from '../rollout/rollout.ts'
import { countRunsUpTo } from '../tracking/tracking.ts'
import type { Deployment } from '../rollout/schema.ts'
import { listGatewayProblems } from '../serving/serving.ts'
import { overview, type Overview, type Station } from './schema.ts'

export const overviewRoutes = [
  route({
    method: 'GET',
    path: '/overview',
    summary: 'The loop with its live state: what is going on, and what needs you',
    permission: 'view',
    response: overview,
    handle: ({ context, actor, projectId }) => getOverview(context, { projectId, actor }),
  }),
]

async function getOverview(context: Context, caller: Caller): Promise<Overview> {
  const { projectId } = caller
  const [alerts, decisions, states, project] = await Promise.all([
    listOpenAlerts(context, { projectId }),
    listDecisions(context, { projectId, limit: 30 }),
    listDeploymentStates(context, { projectId }),
    findProjectName(context, { projectId }),
  ])
  const refused = await listRefusedDatasets(context, projectId)
  const latest = async (kind: Decision['kind']): Promise<Decision | undefined> =>
    (await listDecisions(context, { projectId, kind, limit: 1 }))[0]
  const stations: Overview['stations'] = {
    data: await dataStation(context, caller, refused),
    features: await featuresStation(context, caller, alerts),
    training: await trainingStation(context, caller),
    gates: decisionStation(await latest('gate'), '/models', 'No version has met its gates yet'),
    rollout: rolloutStation(states, await latest('rollout')),
    ...(await trafficStations(context, caller, states)),
    monitoring: monitoringStation(alerts, states),
    triggers: decisionStation(
      await latest('trigger'),
      '/pipelines',
      'Nothing has started a pipeline by itself',
    ),
  }
  return {
    project: project ?? 'default',
    nowMs: context.clock.now(),
    replay: context.config.replay,
    stations,
    needsYou: [
      ...(await promotionsForYou(context, caller)),
      ...(await unservedForYou(context, caller)),
      ...refused.map(({ report: { id, sentence, createdMs } }) => ({
        id,
        severity: 'bad',
        sentence,
        atMs: createdMs,
        href: `/reports/${id}`,
      })),
      ...alerts.map(({ id, kind, sentence, raisedMs, deployment, blocksTraining }) => ({
        id,
        severity: blocksTraining || kind === 'quality' ? 'bad' : 'attention',
        sentence,
        atMs: raisedMs,
        href: `/monitoring/${deployment}`,
      })),
    ],
    happened: decisions.map((decision) => ({
      id: decision.id,
      kind: `${decision.kind}.${decision.verdict}`,
      sentence: decision.sentence,
      atMs: decision.atMs,
      href: hrefOf(decision),
      injected: decision.injected,
    })),
    deployments: states.map(({ deployment, rollout }) => ({
      name: deployment.name,
      stable: deployment.stable ? `${deployment.model}/${deployment.stable.version}` : 'nothing yet',
      ...(rollout && { candidate: `${deployment.model}/${rollout.candidate.version}` }),
      state: rollout ? rollout.state : 'steady',
    })),
  }
}

/** Promotions that wait for who asks. */
async function promotionsForYou(context: Context, caller: Caller): Promise<Overview['needsYou']> {
  const open = await listPromotions(context, { ...caller, state: 'open', limit: 50 })
  return open.flatMap(({ id, model, version, alias, author, createdMs, waitsFor }) =>
    waitsFor === null
      ? []
      : [
          {
            id,
            severity: 'attention',
            sentence: `${author} proposes ${model}/${version} as ${alias}: it waits for ${waitsFor}.`,
            atMs: createdMs,
            href: `/promotions/${id}`,
          },
        ],
  )
}

function noLabels({ name, task }: Deployment): Station {
  return task === 'multiclass'
    ? idle('not counted', 'Labels of classes are stored, but no monitor counts them', `/monitoring/${name}`)
    : idle('no labels', 'Send labels to POST /feedback', `/monitoring/${name}`)
}

/** Deployments that a gateway could not load. */
async function unservedForYou(context: Context, { projectId }: Caller): Promise<Overview['needsYou']> {
  const project = await nameOfProject(context, projectId)
  const problems = await listGatewayProblems(context, { project })
  return problems.map(({ gateway, deployment, sentence, sinceMs }) => ({
    id: `${gateway}/${deployment}`,
    severity: 'bad',
    sentence,
    atMs: sinceMs,
    href: `/deployments/${deployment}`,
  }))
}

/** The page of what a decision is about; versions and rollouts are named by what it rested on. */
function hrefOf({ subjectType, subjectId, kind, inputs }: Decision): string {
  const { model, version, deployment, runId, reportId } = inputs as Record<
    string,
    string | number | undefined
  >
  switch (subjectType) {
    case 'model_version':
      return model === undefined ? '/models' : `/models/${model}/versions/${version}`
    case 'promotion':
      return `/promotions/${subjectId}`
    case 'rollout':
      return deployment === undefined ? '/deployments' : `/deployments/${deployment}`
    case 'deployment':
      return kind === 'alert' ? `/monitoring/${subjectId}` : `/deployments/${subjectId}`
    case 'dataset':
      return reportId === undefined ? `/datasets/${subjectId}` : `/reports/${reportId}`
    case 'pipeline':
      return runId === undefined ? '/pipelines' : `/pipeline-runs/${runId}`
    default:
      return '/decisions'
  }
}

async function dataStation(
  context: Context,
  { projectId }: Caller,
  refused: readonly RefusedDataset[],
): Promise<Station> {
  const [worst] = refused
  if (worst) {
    return {
      state: 'bad',
      word: 'refused',
      number: refused.length === 1 ? worst.dataset : `${refused.length} datasets`,
      detail: worst.report.sentence,
      href: `/reports/${worst.report.id}`,
    }
  }
  const datasets = await listDatasets(context.db.read, projectId)
  const [first] = datasets
  if (!first) return idle('no datasets', 'Declare one with dataset(…)', '/datasets')
  const { name } = first
  const version = await latestVersion(context, { projectId, dataset: name }).catch(ignoreMissing)
  if (!version)
    return idle('no version', `${name} was not read yet: tidemill data ingest ${name}`, '/datasets')
  return {
    state: 'good',
    word: `${name} v${version.number}`,
    number: `${amount(version.rows)} rows`,
    detail: datasets.length > 1 ? `${datasets.length} datasets` : 'checked and versioned',
    href: `/datasets/${name}`,
  }
}

async function featuresStation(
  context: Context,
  { projectId }: Caller,
  alerts: readonly { kind: string; sentence: string }[],
): Promise<Station> {
  const skewed = alerts.filter(({ kind }) => kind === 'skew')
  if (skewed.length > 0) {
    const number = `${skewed.length} ${skewed.length === 1 ? 'alert' : 'alerts'}`
    return { state: 'attention', word: 'skewed', number, detail: skewed[0]!.sentence, href: '/features' }
  }
  const views = (await listFreshness(context, { projectId })).filter(({ current }) => current)
  if (views.length === 0) return idle('on demand', 'Features come from the request alone', '/features')
  if (views.some(({ storeAnswers }) => !storeAnswers)) {
    return {
      state: 'bad',
      word: 'store away',
      number: `${views.length} ${views.length === 1 ? 'view' : 'views'}`,
      detail: 'The online store does not answer',
      href: '/features',
    }
  }
  const stale = views.filter((view) => view.stale)
  const ages = views.flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]))
  return {
    state: stale.length > 0 ? 'attention' : 'good',
    word: stale.length > 0 ? 'stale' : 'fresh',
    number: `${views.length} ${views.length === 1 ? 'view' : 'views'}`,
    detail: ages.length > 0 ? `newest value ${duration(Math.max(...ages))} old` : 'not materialized yet',
    href: '/features',
  }
}

const MANY_RUNS = 100

/** Without a pipeline: what scripts and MLflow clients have logged. */
async function trackedStation({ db }: Pick<Context, 'db'>, { projectId }: Caller): Promise<Station> {
  const runs = await countRunsUpTo(db.read, projectId, MANY_RUNS)
  if (runs === 0) return idle('no runs', 'Start one with tidemill run, or log one with MLflow', '/runs')
  return {
    state: 'good',
    word: 'tracked',
    number: runs === 1 ? '1 run' : `${runs}${runs === MANY_RUNS ? '+' : ''} runs`,
    detail: 'logged by scripts and clients, none by a pipeline',
    href: '/runs',
  }
}

async function trainingStation(context: Context, caller: Caller): Promise<Station> {
  const { items: runs } = await listRuns(context, { ...caller, limit: 20 })
  const live = runs.filter(({ state }) => state === 'running' || state === 'queued')
  const [last] = runs
  if (!last) return await trackedStation(context, caller)
  if (live.length > 0) {
    return {
      state: 'good',
      word: 'running',
      number: `${live.length} live`,
      detail: live[0]!.pipeline,
      href: `/pipeline-runs/${live[0]!.id}`,
    }
  }
  return {
    state: last.state === 'failed' ? 'bad' : 'good',
    word: last.state,
    number: runs.length === 1 ? '1 run' : `${runs.length}${runs.length === 20 ? '+' : ''} runs`,
    detail: last.cause.sentence,
    href: `/pipeline-runs/${last.id}`,
  }
}

function decisionStation(decision: Decision | undefined, href: string, empty: string): Station {
  if (!decision) return idle('idle', empty, href)
  const bad = ['fail', 'failed', 'declined', 'refused'].includes(decision.verdict)
  const held = ['undecided', 'held', 'held_back', 'blocked'].includes(decision.verdict)
  return {
    state: bad ? 'bad' : held ? 'attention' : 'good',
    word: decision.verdict.replaceAll('_', ' '),
    number: '',
    detail: decision.sentence,
    href: hrefOf(decision),
  }
}

type States = Awaited<ReturnType<typeof listDeploymentStates>>

function rolloutStation(states: States, last: Decision | undefined): Station {
  const active = states.find(({ rollout }) => rollout !== undefined)
  if (active?.rollout) {
    const { deployment, rollout } = active
    return {
      state: 'attention',
      word: rollout.state,
      number: `${deployment.model}/${rollout.candidate.version}`,
      detail: `stage ${rollout.stage + 1} beside ${deployment.model}/${deployment.stable?.version ?? '–'}`,
      href: `/deployments/${deployment.name}`,
    }
  }
  if (states.length === 0) return idle('idle', 'Nothing is deployed', '/deployments')
  return {
    state: 'good',
    word: 'steady',
    number: '',
    detail: last?.sentence ?? 'No rollout yet',
    href: '/deployments',
  }
}

/** Serving and feedback, from the last day of the deployment that answered most. A shadow answers nobody. */
async function trafficStations(
  context: Context,
  { projectId }: Caller,
  states: States,
): Promise<{ serving: Station; feedback: Station }> {
  const busiest = states
    .map((state) => ({ state, answered: state.traffic.filter(({ variant }) => variant !== 'shadow') }))
    .map((each) => ({ ...each, rows: each.answered.reduce((sum, { n }) => sum + n, 0) }))
    .sort((a, b) => b.rows - a.rows)[0]
  if (!busiest || busiest.rows === 0) {
    return {
      serving: idle('no traffic', 'Requests to the gateway appear here', '/deployments'),
      feedback: idle('no labels', 'Send labels to POST /feedback', '/deployments'),
    }
  }
  const { deployment } = busiest.state
  const traffic = busiest.answered
  const errors = traffic.reduce((sum, row) => sum + row.errors, 0)
  const hours = new Map<number, number>()
  for (const { hourMs, n } of traffic) hours.set(hourMs, (hours.get(hourMs) ?? 0) + n)
  const spark = [...hours].sort(([a], [b]) => a - b).map(([, n]) => n)
  const { labels } = await getMonitoring(context, { projectId, deployment: deployment.name })
  const last = labels.findLast(({ labelled }) => labelled > 0)
  return {
    serving: {
      state: errors > 0.01 * busiest.rows ? 'bad' : 'good',
      word: deployment.stable ? `${deployment.model}/${deployment.stable.version}` : deployment.name,
      number: `${amount(busiest.rows)} a day`,
      detail: errors === 0 ? 'no errors in the last day' : `${errors} errors in the last day`,
      href: `/deployments/${deployment.name}`,
      spark,
    },
    feedback: last
      ? {
          state: last.coverage >= 0.5 ? 'good' : 'attention',
          word: 'labelled',
          number: `${Math.round(last.coverage * 100)} %`,
          detail: `${amount(last.labelled)} of ${amount(last.rows)} on the last day with labels`,
          href: `/monitoring/${deployment.name}`,
        }
      : noLabels(deployment),
  }
}

function monitoringStation(alerts: readonly { sentence: string }[], states: States): Station {
  const [first] = alerts
  const href = states[0] ? `/monitoring/${states[0].deployment.name}` : '/monitoring'
  if (!first) return { state: 'good', word: 'calm', number: '', detail: 'No open alert', href }
  return { state: 'attention', word: 'alert', number: `${alerts.length} open`, detail: first.sentence, href }
}

function idle(word: string, detail: string, href: string): Station {
  return { state: 'idle', word, number: '', detail, href }
}

function duration(ms: number): string {
  const minutes = ms / 60_000
  if (minutes < 1) return `${Math.round(ms / 1000)} s`
  if (minutes < 120) return `${Math.round(minutes)} min`
  return `${Math.round(minutes / 60)} h`
}
