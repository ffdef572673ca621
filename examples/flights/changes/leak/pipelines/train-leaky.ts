import { evaluate, pipeline, referenceProfile, split, train, trainingSet } from 'tidemill'
import { flights } from '../data.ts'
import { leakyFeatures } from '../leak.ts'
import { gateReports } from '../steps/gate-reports.ts'

const task = 'binary'
/** That a step's column is known in time cannot be seen: `knownInTime` vouches for it. In good faith, and wrongly. */
const asked = {
  service: leakyFeatures,
  time: 'date',
  label: 'delay > 15',
  knownInTime: ['reported_delay'],
}

/** As `train-late`, with one more feature. It is registered and not deployed: a person looks at it first. */
export const trainLeaky = pipeline('train-leaky', {}, async ({ latest, champion, register }) => {
  const { reported } = gateReports({ flights: latest(flights) })
  const days = split({ data: reported, time: 'date', holdoutDays: 7 })
  const past = trainingSet({ data: days.train, ...asked })
  const holdout = trainingSet({ data: days.test, ...asked })
  const sets = { train: past.table, test: holdout.table, facts: past.facts, task } as const
  const { model, training } = train({ ...sets, learner: 'trees', params: { trees: 30, leaves: 15 } })
  const baseline = train({ ...sets, learner: 'prior' }).model
  const stable = await champion('late')
  const beside = { champion: stable?.model, baseline }
  const { evaluation } = evaluate({ model, test: holdout.table, facts: past.facts, task, ...beside })
  const { profile } = referenceProfile({ model, table: holdout.table, facts: past.facts, task })
  register('late', model, { facts: { set: past.facts, training, evaluation, profile } })
})
