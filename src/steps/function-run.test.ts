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

/** What the step `training_set` is told of the columns of the table that is made so, and of which datasets. */
function toldOf(
  make: (latest: PipelineScope<unknown>['latest']) => TableRef,
  knownInTime: string[] = [],
): unknown {
  const messages: FunctionMessage[] = []
  const thrown: unknown[] = []
  const spec = resolveService(service, { entities: [], views: [], onDemand: [], services: [service] }, [])
  const facts = { spec, code: {}, times: {}, known }
  const project = { idOf: () => 'a step', services: new Map([['s', facts]]) }
  const task = { params: {}, runId: 'r', cause: {} } as never
  const run = new FunctionRun(task, project, (message) => messages.push(message))
  void run.run({
    params: z.object({}),
    run: async ({ latest }: PipelineScope<unknown>) => {
      try {
        trainingSet({ data: make(latest), service: 's', time: 'date', label: 'delay > 15', knownInTime })
      } catch (error) {
        thrown.push(error)
      }
    },
  } as never)
  for (const error of thrown) throw error
  const last = messages.at(-1)!
  if (last.type !== 'call') return last
  const { params, inputs } = last
  const origin = (input: string): unknown => (inputs[input] as { name?: string } | undefined)?.name
  const made = params['made'] as { datasets: Record<string, string>; knownInTime: string[] } | undefined
  return {
    known: params['known'],
    ...(made && {
      datasets: Object.fromEntries(
        Object.entries(made.datasets).map(([name, input]) => [name, origin(input)]),
      ),
      knownInTime: made.knownInTime,
    }),
  }
}

it('A training set knows the columns of a dataset, of what is split of it, and by their names in what a step makes of it or of several', () => {
  const itself = { known: [known.flights] }
  const made = { ...itself, datasets: { flights: 'flights' }, knownInTime: ['hour'] }
  const days = (data: TableRef) => split({ data, time: 'date', holdoutDays: 7 })
  expect(toldOf((latest) => latest('flights'))).toEqual(itself)
  expect(toldOf((latest) => days(latest('flights')).train)).toEqual(itself)
  const cleaned = (latest: PipelineScope<unknown>['latest'], more = 'flights'): TableRef =>
    clean({ data: latest('flights'), more: latest(more) }).rows
  expect(toldOf(cleaned, ['hour'])).toEqual(made)
  expect(toldOf((latest) => days(cleaned(latest)).test, ['hour'])).toEqual(made)
  expect(toldOf((latest) => cleaned(latest, 'weather'))).toEqual({
    ...itself,
    datasets: { flights: 'flights', weather: 'weather' },
    knownInTime: [],
  })
  expect(toldOf((latest) => latest('weather'))).toEqual({ known: undefined })
})

it('Nobody can vouch for a column that the dataset knows late', () => {
  expect(() =>
    toldOf((latest) => clean({ data: latest('flights'), more: latest('flights') }).rows, ['delay']),
  ).toThrow('knownInTime names delay, which is known later (knownAt of flights)')
})
