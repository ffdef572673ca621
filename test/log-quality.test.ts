import { expect, it } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { logQuality } from '../src/monitoring/monitoring.ts'
import { jobs } from '../src/prediction-log/jobs.ts'
import { queryLog } from '../src/prediction-log/prediction-log.ts'
import { auc, logLoss } from '../src/statistics/ranking.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from './databases.ts'
import { deploymentOf, openGateway, publish, row, tinyModel, variantOf } from './gateways.ts'
import { workOff } from './work-off.ts'

const DAY_MS = 86_400_000
const owner = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...owner, deployment: 'late' }

interface Asked {
  score: number
  label: number
}

/** Ten days of twelve requests; the last two days stay without labels. A label follows the hour, save every fifth. */
async function playDays(context: TestContext): Promise<Asked[]> {
  const variant = await variantOf(context, { version: 1, bytes: tinyModel() })
  const generation = await publish(context, [deploymentOf(variant)], { replay: true })
  await using gateway = await openGateway({ ...context, config: { ...context.config, replay: true } })
  await gateway.serves(generation)
  const asked: Asked[] = []
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(gateway.url + path, { method: 'POST', body: JSON.stringify(body) })
  for (let i = 0; i < 120; i++) {
    const timeMs = TEST_TIME_MS + Math.floor(i / 12) * DAY_MS + i * 1000
    const hour = (i * 7) % 24
    const { body } = await gateway.infer('/v2/models/late/infer', row(hour), {
      'tidemill-event-time': String(timeMs),
    })
    if (i >= 96) continue
    const label = hour > 12 === i % 5 > 0 ? 1 : 0
    await post('/feedback', [{ prediction_id: body.parameters['prediction_id'], label: 1 - label }])
    await post('/feedback', [{ prediction_id: body.parameters['prediction_id'], label, revision: 2 }])
    asked.push({ score: body.outputs.find(({ name }) => name === 'probabilities')!.data[1] as number, label })
  }
  await post('/control/flush', {})
  await workOff(context, { consumers: [], jobs })
  return asked
}

describeDatabases('quality by the stored log', (open) => {
  it('is what the scores and the latest labels give, with intervals over days', async () => {
    const context = await open()
    const asked = await playDays(context)
    const scores = asked.map(({ score }) => score)
    const labels = asked.map(({ label }) => label)
    const quality = await logQuality(context, late)
    expect(quality).toMatchObject({ task: 'binary', predictions: 120, rows: 96, days: 8, blocks: 'days' })
    const { auc: ranking, log_loss, base_rate } = quality.metrics
    expect(ranking!.estimate).toBeCloseTo(auc(scores, labels), 6)
    expect(log_loss!.estimate).toBeCloseTo(logLoss(scores, labels), 6)
    expect(base_rate!.estimate).toBeCloseTo(labels.reduce((a, b) => a + b, 0) / 96, 12)
    expect(ranking!.lower!).toBeLessThan(ranking!.estimate)
    expect(ranking!.upper!).toBeGreaterThan(ranking!.estimate)
    const firstTwo = await logQuality(context, { ...late, toMs: TEST_TIME_MS + 2 * DAY_MS, version: 1 })
    expect(firstTwo).toMatchObject({ rows: 24, days: 2, version: 1 })
    const oneDay = await logQuality(context, { ...late, toMs: TEST_TIME_MS + DAY_MS / 2 })
    expect(oneDay).toMatchObject({ days: 1, blocks: 'stretches' })
    const unlabelled = await logQuality(context, { ...late, fromMs: TEST_TIME_MS + 8 * DAY_MS })
    expect(unlabelled).toMatchObject({ predictions: 24, rows: 0, metrics: {} })
    for (const nothing of [{ deployment: 'other' }, { version: 2 }, { variant: 'shadow' }])
      await expect(logQuality(context, { ...late, ...nothing })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('can be recomputed by SQL over the views prediction, feedback and labelled', async () => {
    const context = await open()
    const asked = await playDays(context)
    const { columns, rows } = await queryLog(context, {
      ...owner,
      sql: 'SELECT count(*) AS n, count(label) AS labelled, avg(label) AS rate, (SELECT count(*) FROM feedback) AS sent FROM labelled',
    })
    expect(columns).toEqual(['n', 'labelled', 'rate', 'sent'])
    const rate = asked.reduce((sum, { label }) => sum + label, 0) / 96
    expect(rows).toEqual([{ n: 120, labelled: 96, rate, sent: 192 }])
    await expect(
      queryLog(context, { ...owner, sql: 'SELECT nothing FROM prediction' }),
    ).rejects.toMatchObject({
      code: 'invalid',
    })
  })
})
