import { expect, test } from 'vitest'
import { sum } from '../src/kernel/sum.ts'
import { parquetScan } from '../src/ports/analytics/analytics.ts'
import { explainRollout } from '../src/rollout/rollout.ts'
import { labelledScan } from '../src/prediction-log/prediction-log.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS } from './databases.ts'
import { ask, DAY_MS, dayTotals, HOUR_MS, owner, World } from './monitored-world.ts'

describeDatabases('labels', (open) => {
  test('rows and labels are counted once by day, whatever is run again', async () => {
    const world = new World(await open())
    await world.deploy()
    const { asked } = await world.days(0, [1])
    const late = asked.reduce((sum, { label }) => sum + label, 0)
    const before = await dayTotals(world.context)
    expect(before).toMatchObject([{ start_ms: TEST_TIME_MS, rows: 480, labelled: 480, label_sum: late }])
    await world.settle()
    expect(await dayTotals(world.context)).toEqual(before)
  })

  test('a corrected label subtracts the old cell and adds the new one; the same label again changes nothing', async () => {
    const world = new World(await open())
    await world.deploy()
    const { ids, asked } = await world.days(0, [1])
    const [before] = await dayTotals(world.context)
    const first = asked.findIndex(({ label }) => label === 0)
    await world.label([ids[first]!], [1], TEST_TIME_MS + DAY_MS, 1)
    await world.settle()
    const [after] = await dayTotals(world.context)
    expect(after).toMatchObject({ labelled: 480, label_sum: before!.label_sum + 1 })
    expect(after!.loss_sum).toBeGreaterThan(before!.loss_sum)
    await world.label([ids[first]!], [1], TEST_TIME_MS + DAY_MS, 1)
    await world.settle()
    expect((await dayTotals(world.context))[0]).toMatchObject({
      labelled: 480,
      label_sum: before!.label_sum + 1,
    })
    await world.label([ids[first]!], [0], TEST_TIME_MS + DAY_MS, 2)
    await world.settle()
    const [back] = await dayTotals(world.context)
    expect(back!.label_sum).toBe(before!.label_sum)
    expect(back!.loss_sum).toBeCloseTo(before!.loss_sum, 9)
    await world.label([ids[first]!], [null], TEST_TIME_MS + DAY_MS, 3)
    await world.settle()
    expect((await dayTotals(world.context))[0]).toMatchObject({ labelled: 479, label_sum: before!.label_sum })
    const joined = await world.context.db.read
      .selectFrom('label_join')
      .select('parquet_sha256')
      .where('parquet_sha256', 'is not', null)
      .execute()
    const paths = await Promise.all(
      joined.map(({ parquet_sha256 }) => world.context.artifacts.localPath(parquet_sha256!)),
    )
    const recomputed = await world.context.analytics.query(
      `SELECT timeMs // 86400000 AS day, sum(label::DOUBLE) AS late, count(*) AS labelled FROM (
        SELECT * FROM ${parquetScan(paths)}
        QUALIFY row_number() OVER (PARTITION BY predictionId ORDER BY revision DESC, receivedMs DESC) = 1)
      WHERE variant <> 'shadow' AND label <> 'null' GROUP BY day ORDER BY day`,
    )
    expect(recomputed).toEqual([{ day: TEST_TIME_MS / DAY_MS, late: before!.label_sum, labelled: 479 }])
  })

  test('a label that comes before its prediction waits for it', async () => {
    const world = new World(await open())
    await world.deploy()
    await world.label(['p-0-0000', 'nobody'], [1, 1], TEST_TIME_MS + HOUR_MS)
    await world.settle()
    const pending = async () =>
      (await world.context.db.read.selectFrom('label_pending').selectAll().execute()).length
    expect(await pending()).toBe(2)
    world.predict([{ hour: 0, score: 0.2, label: 1, timeMs: TEST_TIME_MS }])
    await world.settle()
    expect(await pending()).toBe(1)
    expect(await dayTotals(world.context)).toMatchObject([{ rows: 1, labelled: 1, label_sum: 1 }])
  })

  test('a label reaches the shadow of its prediction, and the rollout gets the paired difference', async () => {
    const world = new World(await open())
    await world.deploy(2)
    const { rolloutId, stable, shadow } = await world.onTrial()
    const asked = ask(world.random, TEST_TIME_MS, 100, 1)
    const ids = world.predict(asked, stable)
    world.predict(
      asked.map((row, i) => ({ ...row, score: row.label === 1 ? 0.9 : 0.1, pairId: ids[i]! })),
      shadow,
    )
    await world.label(
      ids,
      asked.map(({ label }) => label),
      TEST_TIME_MS + HOUR_MS,
    )
    await world.settle()
    const { totals } = await explainRollout(world.context, { ...owner, id: rolloutId })
    const sum = (variant: string, metric: string) =>
      totals.find((total) => total.variant === variant && total.metric === metric)
    expect(sum('stable', 'loss')).toMatchObject({ stage: 0, n: 100 })
    expect(sum('shadow', 'loss')!.sum).toBeCloseTo(100 * -Math.log(0.9), 6)
    const difference = sum('shadow', 'loss')!.sum - sum('stable', 'loss')!.sum
    expect(sum('shadow', 'pair_loss_diff')).toMatchObject({ n: 100 })
    expect(sum('shadow', 'pair_loss_diff')!.sum).toBeCloseTo(difference, 6)
  })

  test('a shadow that is logged after the label of its answer was joined has the label all the same', async () => {
    const world = new World(await open())
    await world.deploy(2)
    const { rolloutId, stable, shadow } = await world.onTrial()
    const asked = ask(world.random, TEST_TIME_MS, 100, 1)
    const labels = asked.map(({ label }) => label)
    const ids = world.predict(asked, stable)
    await world.label(ids, labels, TEST_TIME_MS + HOUR_MS)
    await world.settle()
    await world.label(ids.slice(0, 2), [1 - labels[0]!, null], TEST_TIME_MS + HOUR_MS, 1)
    await world.settle()
    world.predict(
      asked.map((row, i) => ({ ...row, score: row.label === 1 ? 0.9 : 0.1, pairId: ids[i]! })),
      shadow,
    )
    await world.settle()
    const sums = async () => {
      const { totals } = await explainRollout(world.context, { ...owner, id: rolloutId })
      return (variant: string, metric: string) =>
        totals.find((total) => total.variant === variant && total.metric === metric)!
    }
    const once = await sums()
    expect(once('stable', 'loss')).toMatchObject({ stage: 0, n: 99 })
    expect(once('shadow', 'loss').n).toBe(99)
    expect(once('shadow', 'loss').sum).toBeCloseTo(98 * -Math.log(0.9) - Math.log(0.1), 6)
    const difference = once('shadow', 'loss').sum - once('stable', 'loss').sum
    expect(once('shadow', 'pair_loss_diff')).toMatchObject({ n: 99 })
    expect(once('shadow', 'pair_loss_diff').sum).toBeCloseTo(difference, 6)
    const [answers, shadows] = await dayTotals(world.context).then(([a, b]) =>
      a!.variant === 'stable' ? [a, b] : [b, a],
    )
    expect(shadows).toMatchObject({ rows: 100, labelled: 99, label_sum: answers!.label_sum })

    await world.label(ids.slice(0, 2), [labels[0]!, labels[1]!], TEST_TIME_MS + HOUR_MS, 2)
    await world.settle()
    const corrected = await sums()
    expect(corrected('shadow', 'loss').sum).toBeCloseTo(100 * -Math.log(0.9), 6)
    expect(corrected('shadow', 'pair_loss_diff').sum).toBeCloseTo(
      corrected('shadow', 'loss').sum - corrected('stable', 'loss').sum,
      6,
    )
  })

  test('of two labels of one moment the same one counts, whether they are joined together or one by one', async () => {
    const world = new World(await open())
    await world.deploy()
    const asked = ask(world.random, TEST_TIME_MS, 4, 1)
    const ids = world.predict(asked)
    const [together, apart] = [ids.slice(0, 2), ids.slice(2)]
    await world.label(together, [0, 1], TEST_TIME_MS + HOUR_MS)
    await world.label(together, [1, 0], TEST_TIME_MS + HOUR_MS)
    await world.label(apart, [0, 1], TEST_TIME_MS + HOUR_MS)
    await world.settle()
    await world.label(apart, [1, 0], TEST_TIME_MS + HOUR_MS)
    await world.settle()
    const [log] = await world.context.analytics.query(
      `SELECT sum(label) AS late FROM ${await labelledScan(world.context, { projectId: PROJECT_ID, fromMs: 0, toMs: TEST_TIME_MS + DAY_MS, labelledUntilMs: Number.MAX_SAFE_INTEGER })}`,
    )
    expect(await dayTotals(world.context)).toMatchObject([{ labelled: 4, label_sum: log!['late'] }])
  })

  test('segments of one hour that are counted at the same time, with labels among them, are all counted', async () => {
    const world = new World(await open())
    await world.deploy()
    const asked = Array.from({ length: 8 }, () => ask(world.random, TEST_TIME_MS, 6, 1))
    for (const rows of asked) {
      const ids = world.predict(
        rows.map((row, i) => ({ ...row, entity: `airport ${i}`, timeMs: TEST_TIME_MS })),
      )
      const labels = rows.map(({ label }) => label)
      await world.label(ids, labels, TEST_TIME_MS + DAY_MS)
      await world.closeSegments()
    }
    await world.settleTogether()
    const { db } = world.context
    const late = sum(asked.flat().map(({ label }) => label))
    const counted = { rows: 48, labelled: 48, label_sum: late }
    expect(await db.read.selectFrom('profile_window').selectAll().execute()).toMatchObject([counted, counted])
    const cells = await db.read.selectFrom('entity_health').select('cells_json').executeTakeFirstOrThrow()
    expect(Object.values(JSON.parse(cells.cells_json) as object)).toEqual([8, 8, 8, 8, 8, 8])
    const delays = await db.read.selectFrom('label_delay').select('counts_json').executeTakeFirstOrThrow()
    expect(sum(JSON.parse(delays.counts_json) as number[])).toBe(48)
  })
})
