import { expect, test } from 'vitest'
import { readGraphSignature } from '../src/model-files/model-files.ts'
import { train } from '../src/learners/learners.ts'
import { labelledScan } from '../src/prediction-log/prediction-log.ts'
import { deploy, explainRollout } from '../src/rollout/rollout.ts'
import { classProbabilities } from '../src/serving/serving.ts'
import {
  describeDatabases,
  openTestContext,
  PROJECT_ID,
  TEST_TIME_MS,
  type TestContext,
} from './databases.ts'
import { DAY_MS, dayTotals, HOUR_MS, owner, World, type LoggedRow } from './monitored-world.ts'

const CLASSES = ['Adelie', 'Chinstrap', 'Gentoo']
const inputs = [{ name: 'hour', kind: 'number' as const, datatype: 'FP64', nullable: true }]
const withProbabilities = () => ({
  task: 'multiclass',
  signature: {
    inputs,
    outputs: [
      { name: 'label', datatype: 'BYTES', shape: [-1] },
      { name: 'class/probabilities', datatype: 'FP32', shape: [-1, 3] },
    ],
    task: 'multiclass',
    classes: CLASSES,
  },
})
const outputs = [
  { name: 'label', datatype: 'BYTES' as const, width: 1 },
  { name: 'class/probabilities', datatype: 'FP32' as const, width: 3 },
]
const decisionsAlone = () => ({
  task: 'multiclass',
  signature: { inputs, outputs: [{ name: 'label', datatype: 'BYTES', shape: [-1] }], task: 'multiclass' },
})

interface Answered extends LoggedRow {
  label: string
  outputs: (number | string)[][]
}

/** A penguin a minute; the model's probabilities are those by which its label is drawn, bent by `bend`. */
function penguins({ random }: World, rows: number, bend: number): Answered[] {
  return Array.from({ length: rows }, (_, i) => {
    const weights = CLASSES.map(() => random.next() ** 2 + 0.001)
    const whole = weights.reduce((a, b) => a + b)
    const drawn = random.next() * whole
    const place = drawn < weights[0]! ? 0 : drawn < weights[0]! + weights[1]! ? 1 : 2
    const bent = weights.map((weight) => weight ** bend)
    const sum = bent.reduce((a, b) => a + b)
    const probabilities = bent.map((weight) => weight / sum)
    const best = probabilities.indexOf(Math.max(...probabilities))
    return {
      hour: i / 60,
      timeMs: TEST_TIME_MS + i * 60_000,
      label: i % 50 === 0 ? 'Emperor' : CLASSES[place]!,
      score: probabilities[best]!,
      decision: CLASSES[best]!,
      outputs: [[CLASSES[best]!], probabilities],
    }
  })
}

async function shadowed(world: World, more: () => object): Promise<string> {
  await world.deploy(2, more)
  return (await world.onTrial()).rolloutId
}

async function totalsOf(context: TestContext, rolloutId: string) {
  const { totals } = await explainRollout(context, { ...owner, id: rolloutId })
  return Object.fromEntries(
    totals.map(({ variant, metric, n, sum, sumSq }) => [`${variant} ${metric}`, { n, sum, sumSq }]),
  )
}

/** Every labelled row of the log, with its output as it was logged. */
async function logged(context: TestContext) {
  const scan = await labelledScan(context, {
    projectId: PROJECT_ID,
    fromMs: 0,
    toMs: TEST_TIME_MS + 2 * DAY_MS,
    labelledUntilMs: Number.MAX_SAFE_INTEGER,
  })
  const rows = await context.analytics.query(
    `SELECT pair_id IS NOT NULL AS is_shadow, variant, output, decision, score, label_text FROM ${scan} WHERE label_text IS NOT NULL`,
  )
  return rows.map((row) => ({
    isShadow: row['is_shadow'] === true,
    isFallback: row['variant'] === 'fallback',
    decision: String(row['decision']),
    score: Number(row['score']),
    label: String(row['label_text']),
    probabilities: (JSON.parse(String(row['output'])) as Record<string, number[]>)['class/probabilities'],
  }))
}

function clippedLogLoss(chance: number): number {
  return -Math.log(Math.max(0.01, Math.min(0.99, chance)))
}

describeDatabases('labels of several classes', (open) => {
  test('have the log loss of the class that came, in rollouts and windows, as counted by hand over the log', async () => {
    const world = new World(await open())
    const rolloutId = await shadowed(world, withProbabilities)
    const rollout = { rolloutId, generation: 2, stage: 0, outputs }
    const stable = penguins(world, 400, 1)
    const ids = world.predict(stable, world.route(rollout))
    const other = { ...world.route(rollout), version: 2, modelVersionId: 'late-2' }
    const sharper = stable.map(({ outputs: [label, probabilities], ...row }, i) => {
      const bent = probabilities!.map((p) => Number(p) ** 3)
      const sum = bent.reduce((a, b) => a + b)
      return { ...row, outputs: [label!, bent.map((p) => p / sum)], pairId: ids[i]! }
    })
    world.predict(sharper.slice(0, 390), { ...other, variant: 'shadow' })
    // What the policy answered for a shadow; its outputs hold the score in every place.
    const instead = { decision: 'Gentoo', score: 0.5, outputs: [['Gentoo'], [0.5, 0.5, 0.5]] }
    world.predict(
      sharper.slice(390).map((row) => ({ ...row, ...instead })),
      { ...other, variant: 'fallback' },
    )
    await world.label(
      ids,
      stable.map(({ label }) => label),
      TEST_TIME_MS + 8 * HOUR_MS,
    )
    await world.settle()

    const rows = await logged(world.context)
    expect(rows).toHaveLength(800)
    const losses = (isShadow: boolean) =>
      rows
        .filter((row) => row.isShadow === isShadow)
        .map(({ isFallback, decision, score, label, probabilities }) => {
          if (isFallback) return clippedLogLoss(decision === label ? score : (1 - score) / 2)
          return clippedLogLoss(probabilities![CLASSES.indexOf(label)] ?? 0)
        })
    const sumOf = (values: number[]) => values.reduce((a, b) => a + b)
    const totals = await totalsOf(world.context, rolloutId)
    for (const [variant, isShadow] of [
      ['stable', false],
      ['shadow', true],
    ] as const) {
      expect(totals[`${variant} loss`]!.n).toBe(400)
      expect(totals[`${variant} loss`]!.sum).toBeCloseTo(sumOf(losses(isShadow)), 6)
      expect(totals[`${variant} loss`]!.sumSq).toBeCloseTo(
        sumOf(losses(isShadow).map((loss) => loss ** 2)),
        6,
      )
    }
    expect(totals['shadow pair_loss_diff']!.n).toBe(400)
    expect(totals['shadow pair_loss_diff']!.sum).toBeCloseTo(sumOf(losses(true)) - sumOf(losses(false)), 6)
    // The labels were drawn by the probabilities of stable: nothing fits them better.
    expect(totals['shadow pair_loss_diff']!.sum).toBeGreaterThan(0)
    const day = (await dayTotals(world.context)).find(({ variant }) => variant === 'stable')
    expect(day!.loss_sum).toBeCloseTo(sumOf(losses(false)), 6)

    const wrong = stable.findIndex(({ label, decision }) => label !== decision)
    await world.label(
      [ids[wrong]!, ids[wrong + 1]!],
      [stable[wrong]!.decision!, null],
      TEST_TIME_MS + 9 * HOUR_MS,
      1,
    )
    await world.settle()
    const corrected = await totalsOf(world.context, rolloutId)
    expect(corrected['stable loss']!.n).toBe(399)
    const again = (await logged(world.context)).filter(({ isShadow }) => !isShadow)
    expect(corrected['stable loss']!.sum).toBeCloseTo(
      sumOf(
        again.map(({ label, probabilities }) => clippedLogLoss(probabilities![CLASSES.indexOf(label)] ?? 0)),
      ),
      6,
    )
  })

  test('are counted as right or wrong where a model gives decisions alone', async () => {
    const world = new World(await open())
    const rolloutId = await shadowed(world, decisionsAlone)
    const rollout = { rolloutId, generation: 2, stage: 0, outputs: outputs.slice(0, 1) }
    const bare = (rows: Answered[]) =>
      rows.map((row) => ({ ...row, score: NaN, outputs: row.outputs.slice(0, 1) }))
    const stable = penguins(world, 200, 1)
    const ids = world.predict(bare(stable), world.route(rollout))
    world.predict(
      bare(stable).map((row, i) => ({ ...row, decision: 'Gentoo', pairId: ids[i]! })),
      { ...world.route(rollout), version: 2, modelVersionId: 'late-2', variant: 'shadow' },
    )
    await world.label(
      ids,
      stable.map(({ label }) => label),
      TEST_TIME_MS + 8 * HOUR_MS,
    )
    await world.settle()
    const wrong = stable.filter(({ label, decision }) => label !== decision).length
    const notGentoo = stable.filter(({ label }) => label !== 'Gentoo').length
    const totals = await totalsOf(world.context, rolloutId)
    expect(totals['stable loss']).toEqual({ n: 200, sum: wrong, sumSq: wrong })
    expect(totals['shadow loss']).toEqual({ n: 200, sum: notGentoo, sumSq: notGentoo })
    expect(totals['shadow pair_loss_diff']).toMatchObject({ n: 200, sum: notGentoo - wrong })
    const { plan } = await explainRollout(world.context, { ...owner, id: rolloutId })
    expect(plan.lossName).toBe('share of wrong decisions')
  })

  test('have no loss where what should be probabilities is none, and versions of the two kinds are not compared', async () => {
    const world = new World(await open())
    await world.deploy(2, (version) => (version === 1 ? withProbabilities() : decisionsAlone()))
    await expect(
      deploy(world.context, { ...owner, deployment: 'late', model: 'late', version: 2 }),
    ).rejects.toThrow(
      "of late/1 and late/2 one gives probabilities and the other decisions alone: their losses can't be compared",
    )
    const rows = penguins(world, 20, 1).map((row) => ({ ...row, outputs: [['Gentoo'], [2.5, -1, 0.3]] }))
    const ids = world.predict(rows, world.route({ outputs }))
    await world.label(
      ids,
      rows.map(({ label }) => label),
      TEST_TIME_MS + HOUR_MS,
    )
    await world.settle()
    expect(await dayTotals(world.context)).toMatchObject([{ rows: 20, labelled: 20, loss_sum: 0 }])
  })
})

test('the probabilities of a trained model of several classes are found by its signature', async () => {
  const values = Float64Array.from({ length: 300 }, (_, i) => i % 3)
  await using context = await openTestContext()
  const model = train({
    learner: 'logistic',
    task: 'multiclass',
    features: [{ name: 'mass', kind: 'number' }],
    frame: { rows: 300, columns: { mass: { kind: 'number', values } } },
    target: values,
  })
  const { sha256 } = await context.artifacts.put(model.toOnnx())
  const signature = await readGraphSignature(await context.artifacts.localPath(sha256), {
    task: 'multiclass',
    kinds: new Map(),
  })
  const output = classProbabilities(signature as Parameters<typeof classProbabilities>[0])
  expect(signature.outputs.find(({ name }) => name === output)?.shape).toEqual([-1, 3])
})
