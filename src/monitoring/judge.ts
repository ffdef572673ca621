import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import type { JsonObject } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import { judgeDrift, type DriftJudgement } from './drift.ts'
import { dueWindows, WATCHES, watchName } from './due.ts'
import { judgeFeeds } from './judge-feeds.ts'
import {
  baseRateNumbers,
  judgeLabels,
  labelledDay,
  rankingNumbers,
  sumProfiles,
  verdictOf,
  windowSpanMs,
  type LabelsJudgement,
} from './judge-labels.ts'
import { store, subjectOf, type Judging } from './judging.ts'
import { clear, raise, type AlertSubject } from './lifecycle.ts'
import type { JudgedPart, WindowVerdict } from './schema.ts'
import { baseRateSentence, dayName, driftSentence, lasted, rankingSentence } from './sentence.ts'
import { findMonitor, findOpenAlert, listJudgements, openKey } from './store.ts'
import { listWindows, listWindowTotals } from './store-windows.ts'
import { servesAllDay } from './coverage.ts'
import { watchedBy } from './subject.ts'

type JudgeContext = Pick<Context, 'db' | 'artifacts' | 'clock' | 'ids' | 'config'>

/** Judgements in a row, all calm, before an alert is cleared. */
const CALM_TO_CLEAR = 3

/** Judges the windows of one part that are due, oldest first, each in a transaction of its own. */
export async function judgeDue(
  context: JudgeContext,
  job: Job,
  { monitor: name, part }: { monitor: string; part: JudgedPart },
): Promise<void> {
  const monitor = await findMonitor(context.db.read, { projectId: job.projectId, name })
  if (!monitor) return
  const watched = await watchedBy(context, monitor)
  if (!watched) return
  for (const due of await dueWindows(context, monitor, part)) {
    if (job.signal.aborted) return
    const judging = { monitor, watched, due }
    if (part === 'feeds') await judgeFeeds(context, job, judging)
    else if (!watched.profile) await leaveUnjudged(context, job, judging, part)
    else if (part === 'labels') await judgeLabelledDay(context, job, judging, watched.profile)
    else await judgeDriftedDay(context, job, judging, watched.profile)
  }
}

type WatchedProfile = NonNullable<Judging['watched']['profile']>

/** The stable version came without a reference, so that there is nothing to compare the window with. */
async function leaveUnjudged(
  context: JudgeContext,
  job: Job,
  judging: Judging,
  part: 'labels' | 'drift',
): Promise<void> {
  await context.db.write(async (trx) => {
    await fence(trx, job)
    for (const watch of WATCHES[part])
      await store(context, trx, judging, { watch, verdict: 'not_judged', numbers: UNJUDGED[watch] })
  })
}

const NOTHING = { rows: 0, labelled: 0, coverage: 0, loss: 0, value: null, oneDay: null, threeDay: null }
const UNJUDGED: Record<'base_rate' | 'ranking' | 'drift', JsonObject> = {
  base_rate: NOTHING,
  ranking: {
    ...NOTHING,
    lower: null,
    upper: null,
    logLoss: null,
    meanScore: null,
    rate: null,
    referenceSpread: 0,
  },
  drift: { rows: 0, subjects: [] },
}

async function judgeLabelledDay(
  context: JudgeContext,
  job: Job,
  judging: Judging,
  { reference, layoutSha256 }: WatchedProfile,
): Promise<void> {
  const { monitor, watched, due } = judging
  const { version } = watched
  const windows = await listWindows(context.db.read, {
    projectId: monitor.projectId,
    deployment: monitor.deployment,
    grain: 'day',
    ...windowSpanMs(due.startMs),
  })
  const starts = [2, 1, 0].map((back) => due.startMs - back * DAY_MS)
  const days = starts.map((startMs) =>
    labelledDay(reference, windows, { startMs, version, layoutSha256 }, monitor.definition),
  )
  const judged = judgeLabels(reference, days, monitor.definition)
  await context.db.write(async (trx) => {
    await fence(trx, job)
    const isNew = await store(context, trx, judging, {
      watch: 'base_rate',
      verdict: verdictOf(judged.baseRate),
      numbers: baseRateNumbers(judged),
    })
    if (!isNew) return
    await store(context, trx, judging, {
      watch: 'ranking',
      verdict: verdictOf(judged.ranking),
      numbers: rankingNumbers(judged),
    })
    await followBaseRate(context, trx, judging, judged)
    await followRanking(context, trx, judging, judged)
  })
}

async function followBaseRate(
  context: JudgeContext,
  trx: Trx,
  judging: Judging,
  judged: LabelsJudgement,
): Promise<void> {
  const { baseRate, ranking, rankingSpread } = judged
  if (!baseRate) return
  const about = subjectOf(judging.monitor, 'base_rate', 'base_rate')
  const news = { judged: ranking, spread: rankingSpread }
  await follow(context, trx, judging, about, {
    verdict: baseRate.verdict,
    sentence: () =>
      baseRateSentence(
        { deployment: about.deployment, startMs: judging.due.startMs, ranking: news },
        baseRate,
      ),
    cleared: (days) => `Base rate of ${about.deployment} is back within its daily spread after ${days}.`,
    causes: [],
    rule: spreadRule('the share of positive labels', judging.monitor.definition.baseRate),
    numbers: { baseRate: baseRateNumbers(judged), ranking: rankingNumbers(judged) },
  })
}

async function followRanking(
  context: JudgeContext,
  trx: Trx,
  judging: Judging,
  judged: LabelsJudgement,
): Promise<void> {
  const { ranking, rankingSpread } = judged
  if (!ranking) return
  const about = subjectOf(judging.monitor, 'quality', 'ranking')
  const news = { judged: ranking, spread: rankingSpread }
  await follow(context, trx, judging, about, {
    verdict: ranking.verdict,
    sentence: () =>
      rankingSentence({ deployment: about.deployment, startMs: judging.due.startMs, ranking: news }, ranking),
    cleared: (days) => `${about.deployment} ranks as its reference again, after ${days}.`,
    causes: [],
    rule: spreadRule('the AUC', judging.monitor.definition.ranking),
    numbers: rankingNumbers(judged),
  })
}

async function judgeDriftedDay(
  context: JudgeContext,
  job: Job,
  judging: Judging,
  { reference, layoutSha256: layout }: WatchedProfile,
): Promise<void> {
  const { monitor, watched, due } = judging
  const { drift, minRows } = monitor.definition
  if (drift === false) return
  const { projectId, deployment } = monitor
  const span = { projectId, deployment, fromMs: due.startMs, toMs: due.startMs + DAY_MS }
  const windows = await listWindows(context.db.read, { ...span, grain: 'day' })
  const hours = await listWindowTotals(context.db.read, { ...span, grain: 'hour' })
  const own = windows.filter(
    ({ version, variant, layoutSha256 }) =>
      version === watched.version && variant !== 'shadow' && layoutSha256 === layout,
  )
  const rows = own.reduce((sum, window) => sum + window.rows, 0)
  const isJudged = rows >= minRows && reference.days.length >= 3 && servesAllDay(hours, watched.version)
  const causes = isJudged
    ? judgeDrift(reference, sumProfiles(reference, own), {
        ...drift,
        importance: watched.importance,
      })
    : []
  const verdict = isJudged ? worst(causes) : 'not_judged'
  const numbers = { rows, subjects: causes.map((cause) => ({ ...cause })) } as unknown as JsonObject
  await context.db.write(async (trx) => {
    await fence(trx, job)
    if (!(await store(context, trx, judging, { watch: 'drift', verdict, numbers }))) return
    if (verdict === 'not_judged') return
    const about = subjectOf(monitor, 'drift', 'drift')
    await follow(context, trx, judging, about, {
      verdict,
      sentence: () => driftSentence({ deployment: monitor.deployment, startMs: due.startMs }, causes),
      cleared: (days) => `What ${monitor.deployment} is asked looks like the reference again, after ${days}.`,
      causes: causes
        .filter(({ alert }) => alert)
        .map(({ name, cause, weight }) => ({ name, sentence: cause, weight })),
      rule: spreadRule('the Jensen-Shannon distance of each feature and of the score', drift),
      numbers,
    })
  })
}

function worst(causes: readonly DriftJudgement[]): WindowVerdict {
  if (causes.some(({ verdict }) => verdict === 'out')) return 'out'
  return causes.every(({ verdict }) => verdict === 'calm') ? 'calm' : 'watch'
}

function spreadRule(what: string, watch: { budgetDays: number; minEffect: number } | false): string {
  if (watch === false) return ''
  return (
    `An alert when ${what} leaves the limits that days of the reference set, at one false alarm in ` +
    `${watch.budgetDays} days, by at least ${watch.minEffect}; cleared after ${CALM_TO_CLEAR} calm days`
  )
}

/** Raises on a day that is out, clears after calm days in a row. Only the newest judged day moves an alert. */
async function follow(
  context: JudgeContext,
  trx: Trx,
  { monitor, watched, due }: Judging,
  about: AlertSubject,
  made: {
    verdict: WindowVerdict
    sentence: () => string
    cleared: (lasted: string) => string
    causes: { name: string; sentence: string; weight: number }[]
    rule: string
    numbers: JsonObject
  },
): Promise<void> {
  const recent = await listJudgements(trx, {
    projectId: monitor.projectId,
    deployment: monitor.deployment,
    monitors: [watchName(monitor, about.subject)],
    fromMs: due.startMs - 14 * DAY_MS,
  })
  const judged = recent.filter(({ verdict }) => verdict !== 'not_judged')
  if (judged.at(-1)?.startMs !== due.startMs) return
  const inputs = {
    day: dayName(due.startMs),
    revision: due.revision,
    modelVersionId: watched.modelVersionId,
    layoutSha256: watched.profile?.layoutSha256 ?? null,
  }
  if (made.verdict === 'out') {
    const { causes, rule, numbers } = made
    await raise(context, trx, {
      ...about,
      sentence: made.sentence(),
      causes,
      windowMs: due.startMs,
      rule,
      numbers,
      inputs,
    })
    return
  }
  const open = await findOpenAlert(trx, openKey(about))
  const last = judged.slice(-CALM_TO_CLEAR)
  if (!open || last.length < CALM_TO_CLEAR || last.some(({ verdict }) => verdict !== 'calm')) return
  const sentence = made.cleared(lasted(open.windowMs, due.startMs))
  await clear(context, trx, open, { sentence, rule: made.rule, numbers: made.numbers, inputs })
}
