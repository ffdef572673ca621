import { expect, it } from 'vitest'
import { describeDatabases } from '../../test/databases.ts'
import { applyFolder, runToEnd, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const CONFIG = `
import { project } from 'tidemill'
import { chain } from './pipelines/chain.ts'
export default project('sample', { pipelines: [chain] })
`

const STEPS = `
import { step, sh, Json, Table } from 'tidemill'
import { z } from 'zod'
import { factor } from './factor.ts'
export const double = step('double', {
  in: { value: Json(z.number()) },
  out: { value: Json(z.number()) },
  run: ({ value, log, metric }) => {
    log('doubling ' + value)
    console.log('printed')
    metric('seen', value)
    return { value: value * factor }
  },
})
export const rows = step('rows', {
  params: z.object({ n: z.int() }),
  out: { table: Table },
  run: async ({ sql, params }) => ({ table: await sql.table('SELECT range AS x FROM range(' + params.n + ')') }),
})
export const sum = step('sum', {
  in: { table: Table },
  out: { total: Json(z.number()) },
  run: async ({ table, sql }) => ({ total: Number((await sql.query('SELECT sum(x)::DOUBLE AS s FROM ' + table.scan))[0].s) }),
})
export const count = sh('count', {
  in: { total: Json(z.number()) },
  out: { text: Json(z.object({ total: z.number() })) },
  command: 'echo "{\\\\"total\\\\": $INPUT_total}" > "$OUTPUT_text"; echo counted',
})
`

const PIPELINE = `
import { pipeline } from 'tidemill'
import { z } from 'zod'
import { double, rows, sum, count } from '../steps/steps.ts'
export const chain = pipeline('chain', { params: z.object({ n: z.int().default(4) }) }, async ({ params }) => {
  const { table } = rows({ n: params.n })
  const { total } = sum({ table })
  let current = await total
  for (let i = 0; i < 2; i++) current = await double({ value: current }).value
  if (current > 1000) throw new Error('too large')
  await count({ total: current }).text
})
`

const FILES = {
  'tidemill.config.ts': CONFIG,
  'steps/steps.ts': STEPS,
  'steps/factor.ts': 'export const factor = 2\n',
  'pipelines/chain.ts': PIPELINE,
}

describeDatabases('a worker', (open) => {
  it('runs a pipeline of TypeScript and shell steps, and finds everything again the second time', async () => {
    const context = await open()
    await using _worker = await startWorker(context)
    await applyFolder(context, writeProject(FILES))
    const first = await runToEnd(context, 'chain')
    expect(first.run).toMatchObject({ state: 'succeeded', error: null })
    expect(first.steps.map(({ name, state, cached }) => [name, state, cached])).toEqual([
      ['rows', 'succeeded', false],
      ['sum', 'succeeded', false],
      ['double', 'succeeded', false],
      ['double', 'succeeded', false],
      ['count', 'succeeded', false],
    ])
    expect(first.steps.at(-1)?.outputs['text']).toMatchObject({ value: { total: 24 } })
    const second = await runToEnd(context, 'chain')
    expect(second.steps.map(({ cached }) => cached)).toEqual([true, true, true, true, true])
    expect(second.steps.map(({ executionId }) => executionId)).toEqual(
      first.steps.map(({ executionId }) => executionId),
    )
  })

  it('gives runs that ask for the same at the same time one execution each', async () => {
    const context = await open()
    await using _worker = await startWorker(context)
    await applyFolder(context, writeProject(FILES))
    const views = await Promise.all([1, 2, 3, 4].map(() => runToEnd(context, 'chain')))
    expect(views.map(({ run }) => run.error)).toEqual([null, null, null, null])
    expect(await context.db.read.selectFrom('execution').select('id').execute()).toHaveLength(5)
  })
})
