import { beatsBaseline, deployment, gain, model, monitor, noLeak, project } from 'tidemill'
import { customers } from './data.ts'
import { customerFeatures } from './features.ts'
import { trainChurn } from './pipelines/train.ts'

const DAY_MS = 86_400_000

/** Will this customer leave within 30 days? */
const churn = model('churn', {
  task: 'binary',
  gates: [beatsBaseline(), gain({ metric: 'log_loss' }), noLeak()],
})

const churnDeployment = deployment('churn', {
  model: churn,
  threshold: 0.5,
  label: { horizonMs: 30 * DAY_MS },
  rollout: { stages: [{ shadow: { minPairs: 200 } }, { canary: 20, minRequests: 200 }] },
})

const churnMonitor = monitor('churn', { deployment: churnDeployment })

export default project('churn', {
  datasets: [customers],
  services: [customerFeatures],
  models: [churn],
  pipelines: [trainChurn],
  deployments: [churnDeployment],
  monitors: [churnMonitor],
})
