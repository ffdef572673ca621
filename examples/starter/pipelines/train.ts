import { degraded, drift, evaluate, pipeline, referenceProfile, split, train, trainingSet } from 'tidemill'
import { customers } from '../data.ts'
import { customerFeatures } from '../features.ts'

const task = 'binary'
const asked = { service: customerFeatures, time: 'asked_at', label: '"left" = 1' }
const learners = [
  { learner: 'logistic', params: {} },
  { learner: 'trees', params: { trees: 40, leaves: 7, minRowsInLeaf: 40 } },
] as const

/** Trains on all but the last 14 days, compares on those, and offers the best to the gates and the deployment. */
export const trainChurn = pipeline(
  'train',
  { on: [drift('churn'), degraded('churn')] },
  async ({ latest, champion, register, deploy }) => {
    const days = split({ data: latest(customers), time: 'asked_at', holdoutDays: 14 })
    const past = trainingSet({ data: days.train, ...asked })
    const holdout = trainingSet({ data: days.test, ...asked })
    const sets = { train: past.table, test: holdout.table, facts: past.facts, task } as const

    const baseline = train({ ...sets, learner: 'prior' }).model
    const stable = await champion('churn')
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

    const { profile } = referenceProfile({ model, table: past.table, facts: past.facts, task })
    register('churn', model, { challenger: true, facts: { set: past.facts, training, evaluation, profile } })
    deploy('churn', model)
  },
)
