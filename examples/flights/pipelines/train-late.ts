import { degraded, drift, evaluate, pipeline, referenceProfile, split, train, trainingSet } from 'tidemill'
import { flights } from '../data.ts'
import { lateFeatures } from '../features.ts'

const task = 'binary'
const asked = { service: lateFeatures, time: 'date', label: 'delay > 15' }
const learners = [
  { learner: 'logistic', params: { tolerance: 1e-5 } },
  { learner: 'trees', params: { trees: 60, leaves: 15, minRowsInLeaf: 500 } },
] as const

/** Trains on all but the last seven days, compares on those seven, and offers the best to the gates. */
export const trainLate = pipeline(
  'train-late',
  { on: [drift('late', { coolDown: '14d' }), degraded('late', { coolDown: '14d' })] },
  async ({ latest, champion, register, deploy }) => {
    const all = latest(flights)
    const days = split({ data: all, time: 'date', holdoutDays: 7 })
    const past = trainingSet({ data: days.train, ...asked })
    const holdout = trainingSet({ data: days.test, ...asked })
    const sets = { train: past.table, test: holdout.table, facts: past.facts, task } as const

    const baseline = train({ ...sets, learner: 'prior' }).model
    const stable = await champion('late')
    const tries = learners.map(({ learner, params }) => {
      const { model, training } = train({ ...sets, learner, params })
      const beside = { champion: stable?.model, baseline }
      return {
        model,
        training,
        ...evaluate({ model, test: holdout.table, facts: past.facts, task, ...beside }),
      }
    })
    const losses = await Promise.all(tries.map(async ({ metrics }) => (await metrics)['log_loss']!))
    const { model, training, evaluation } = tries[losses.indexOf(Math.min(...losses))]!

    // Monitors hold live days against every day that the data has, holdout included.
    const whole = trainingSet({ data: all, ...asked })
    const { profile } = referenceProfile({ model, table: whole.table, facts: past.facts, task })
    register('late', model, { challenger: true, facts: { set: past.facts, training, evaluation, profile } })
    deploy('late', model)
  },
)
