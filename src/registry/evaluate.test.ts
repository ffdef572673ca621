import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { train } from '../learners/learners.ts'
import type { Frame, FeatureSpec } from '../learners/schema.ts'
import { decodeProfile, prepareLayout, profileTotals, labelCells } from '../statistics/profile.ts'
import { evaluateModels } from './evaluate.ts'
import { aucOfFeature } from './leak.ts'
import { buildReferenceProfile } from './reference-profile.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-evaluate-'))
const path = join(folder, 'holdout.parquet')
let context: TestContext

/** 14 days × 500 rows: the chance of a late flight grows with `wind` and depends on `airport`; `answer` is the label but for 1 %. */
beforeAll(async () => {
  context = await openTestContext()
  await context.analytics.execute(
    `COPY (
    WITH base AS (SELECT i, (i % 14) AS day, random_from(i) AS wind, random_from(i + 1000000) AS u, i % 5 AS airport
      FROM range(7000) t(i)),
    labelled AS (SELECT *, u < 0.1 + 0.3 * wind + 0.05 * airport AS late FROM base)
    SELECT TIMESTAMP '2001-02-01 12:00:00' + INTERVAL (day) DAY AS at, CASE WHEN i % 50 = 0 THEN NULL ELSE wind END AS wind,
      'A' || airport AS airport, late, CASE WHEN i % 100 = 0 THEN 1 - late::INT ELSE late::INT END + random_from(i + 2000000) / 10 AS answer,
      epoch_ms(TIMESTAMP '2001-02-01 12:00:00' + INTERVAL (day) DAY) AS at_ms,
      epoch_ms(TIMESTAMP '2001-02-01 12:00:00' + INTERVAL (day) DAY) + CASE WHEN i % 4 = 0 THEN 1 ELSE -1 END AS wind_known
    FROM labelled) TO '${path}' (FORMAT parquet)`.replaceAll(
      /random_from\(([^)]*)\)/g,
      '((hash($1) % 1000003)::DOUBLE / 1000003)',
    ),
  )
})

afterAll(async () => {
  await context[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function graph(
  features: readonly FeatureSpec[],
  learner: 'prior' | 'logistic' = 'logistic',
): Promise<Uint8Array> {
  const read = await context.analytics.columns(
    `SELECT wind, airport, answer, late::INT AS late FROM '${path}'`,
  )
  const numbers = (name: string): Float64Array =>
    Float64Array.from(read[name] as (number | null)[], (value) => value ?? Number.NaN)
  const categories = [...new Set(read['airport'] as string[])]
  const codes = Int32Array.from(read['airport'] as string[], (value) => categories.indexOf(value))
  const frame: Frame = {
    rows: codes.length,
    columns: {
      wind: { kind: 'number', values: numbers('wind') },
      answer: { kind: 'number', values: numbers('answer') },
      airport: { kind: 'category', codes, categories },
    },
  }
  return train({ learner, task: 'binary', frame, target: numbers('late'), features }).toOnnx()
}

const wind: FeatureSpec = { name: 'wind', kind: 'number' }
const airport: FeatureSpec = { name: 'airport', kind: 'category' }
const answer: FeatureSpec = { name: 'answer', kind: 'number' }
const holdout = { parquet: [path], label: 'late', dayColumn: 'at' }

it('measures models that read different features on the same rows, with gains over champion and baseline', async () => {
  const evaluation = await evaluateModels(context, {
    holdout,
    task: 'binary',
    models: [
      { name: 'late/2', role: 'candidate', onnx: await graph([wind, airport]) },
      { name: 'late/1', role: 'champion', onnx: await graph([wind]) },
      { name: 'prior', role: 'baseline', onnx: await graph([wind], 'prior') },
    ],
  })
  expect(evaluation.holdout).toMatchObject({
    rows: 7000,
    days: expect.arrayContaining(['2001-02-01', '2001-02-14']) as string[],
  })
  expect(evaluation.holdout.days).toHaveLength(14)
  const [candidate, champion, baseline] = evaluation.subjects.map(({ metrics }) => metrics)
  expect(candidate!['auc']!.estimate).toBeGreaterThan(champion!['auc']!.estimate)
  expect(baseline!['auc']!.estimate).toBe(0.5)
  expect(candidate!['base_rate']!.estimate).toBeCloseTo(baseline!['base_rate']!.estimate, 12)
  for (const { estimate, lower, upper } of evaluation.subjects.flatMap(({ metrics }) =>
    Object.values(metrics),
  ))
    if (lower !== undefined) expect([lower <= estimate, estimate <= upper!]).toEqual([true, true])
  const gain = evaluation.differences.find(
    ({ metric, against }) => metric === 'auc' && against === 'champion',
  )!
  expect(gain.gain).toBeCloseTo(candidate!['auc']!.estimate - champion!['auc']!.estimate, 12)
  expect(gain.lower).toBeGreaterThan(0)
  const loss = evaluation.differences.find(
    ({ metric, against }) => metric === 'log_loss' && against === 'baseline',
  )!
  expect(loss.gain).toBeCloseTo(baseline!['log_loss']!.estimate - candidate!['log_loss']!.estimate, 12)
})

it('finds the feature that holds the answer and the feature that was known too late', async () => {
  const known = { eventTime: 'at_ms', knownAt: { wind: 'wind_known' } }
  const onnx = await graph([wind, answer])
  const { subjects } = await evaluateModels(context, {
    holdout,
    task: 'binary',
    models: [{ name: 'late/3', role: 'candidate', onnx }],
    known,
  })
  const { leak } = subjects[0]!
  expect(leak!.featureAuc[0]).toMatchObject({ feature: 'answer' })
  expect(leak!.featureAuc[0]!.auc).toBeGreaterThan(0.97)
  expect(leak!.featureAuc[1]!.auc).toBeLessThan(0.7)
  expect(leak!.importance[0]!.feature).toBe('answer')
  expect(leak!.late).toEqual([{ feature: 'wind', rows: 1750, share: 0.25 }])
  expect(subjects[1]).toMatchObject({ name: 'the base rate', role: 'baseline' })
})

it('sees no answer in an identifier that is different in every row', () => {
  const rows = 4000
  const labels = Float64Array.from({ length: rows }, (_, row) => ((row * 7919) % 3 === 0 ? 1 : 0))
  const block = Uint32Array.from({ length: rows }, (_, row) => row % 10)
  const identifiers = Array.from({ length: rows }, (_, row) => `id-${row}`)
  expect(Math.abs(aucOfFeature({ labels, block }, identifiers) - 0.5)).toBeLessThan(0.05)
  const repeated = Array.from(labels, (label) => `class ${label}`)
  expect(aucOfFeature({ labels, block }, repeated)).toBe(1)
})

it('refuses a holdout without the label, with wrong labels, or without an input of the model', async () => {
  const models = [{ name: 'late/1', role: 'candidate' as const, onnx: await graph([wind]) }]
  const evaluate = (change: object) =>
    evaluateModels(context, { holdout: { ...holdout, ...change }, task: 'binary', models })
  await expect(evaluate({ label: 'nope' })).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('no column nope') as string,
  })
  await expect(evaluate({ label: 'wind' })).rejects.toMatchObject({ code: 'invalid' })
  const other = join(folder, 'other.parquet')
  await context.analytics.execute(`COPY (SELECT late, "at" FROM '${path}') TO '${other}' (FORMAT parquet)`)
  await expect(evaluate({ parquet: [other] })).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('no column wind') as string,
  })
})

it('freezes bins and counts each day once in the reference profile', async () => {
  const onnx = await graph([wind, airport])
  const profile = await buildReferenceProfile(context, { source: holdout, onnx, task: 'binary' })
  const layout = prepareLayout(profile.layout)
  expect(profile.layout.features.map(({ name }) => name)).toEqual(['wind', 'airport'])
  const total = decodeProfile(layout, Buffer.from(profile.total, 'base64'))
  expect(profileTotals(total)).toEqual({ rows: 7000, labelled: 7000, violations: 0 })
  const days = profile.days.map((day) => decodeProfile(layout, Buffer.from(day.profile, 'base64')))
  expect(days.reduce((sum, day) => sum + profileTotals(day).rows, 0)).toBe(7000)
  const late = profile.days.reduce((sum, day) => sum + day.labelSum, 0)
  expect([...labelCells(layout, total)]).toEqual([0, 0, 7000 - late, late])
})
