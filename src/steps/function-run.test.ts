import { expect, it } from 'vitest'
import { z } from 'zod'
import { featureService, requestFeatures, resolveService } from '../features/definition.ts'
import { step, type PipelineScope } from './authoring.ts'
import { split, trainingSet } from './built-in.ts'
import type { FunctionMessage } from './child-protocol.ts'
import { FunctionRun } from './function-run.ts'
import { Table, type TableRef } from './kinds.ts'

const clean = step('clean', {
  in: { data: Table, more: Table },
  out: { rows: Table },
  run: async () => ({ rows: { path: '' } }),
})
const service = featureService('s', [requestFeatures({ delay: 'number' })])
const known = {
  flights: {
    dataset: 'flights',
    time: 'date',
    columns: [{ column: 'delay', knownAt: { type: 'column', column: 'landed' } as const }],
  },
}

/** What the step `training_set` is told of the columns of the table that is made so. */
function toldOf(make: (latest: PipelineScope<unknown>['latest']) => TableRef): unknown {
  const messages: FunctionMessage[] = []
  const spec = resolveService(service, { entities: [], views: [], onDemand: [], services: [service] }, [])
  const facts = { spec, code: {}, times: {}, known }
  const project = { idOf: () => 'a step', services: new Map([['s', facts]]) }
  const task = { params: {}, runId: 'r', cause: {} } as never
  const run = new FunctionRun(task, project, (message) => messages.push(message))
  void run.run({
    params: z.object({}),
    run: async ({ latest }: PipelineScope<unknown>) => {
      trainingSet({ data: make(latest), service: 's', time: 'date', label: 'delay > 15' })
    },
  } as never)
  const last = messages.at(-1)!
  return last.type === 'call' ? last.params['known'] : last
}

it('A training set knows the columns of a dataset, of what is split of it, and by their names in what a step makes of it', () => {
  const byName = { ...known.flights, byName: true }
  expect(toldOf((latest) => latest('flights'))).toEqual(known.flights)
  expect(toldOf((latest) => split({ data: latest('flights'), time: 'date', holdoutDays: 7 }).train)).toEqual(
    known.flights,
  )
  const cleaned = (latest: PipelineScope<unknown>['latest'], more = 'flights'): TableRef =>
    clean({ data: latest('flights'), more: latest(more) }).rows
  expect(toldOf(cleaned)).toEqual(byName)
  expect(toldOf((latest) => split({ data: cleaned(latest), time: 'date', holdoutDays: 7 }).test)).toEqual(
    byName,
  )
  expect(toldOf((latest) => cleaned(latest, 'weather'))).toBeUndefined()
  expect(toldOf((latest) => latest('weather'))).toBeUndefined()
})
