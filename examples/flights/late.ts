import { beatsBaseline, deployment, gain, model, monitor, noLeak } from 'tidemill'
import { airport } from './features.ts'

const HOUR_MS = 3_600_000

/** Will this flight be more than 15 minutes late? Asked at departure, answered by the landing. */
export const late = model('late', {
  task: 'binary',
  gates: [beatsBaseline(), gain({ metric: 'log_loss' }), noLeak()],
})

export const lateDeployment = deployment('late', {
  model: late,
  entity: airport,
  unit: 'request',
  threshold: 0.5,
  fallback: { on: ['stale', 'missing'], score: 0.2 },
  label: { horizonMs: 12 * HOUR_MS },
  rollout: {
    stages: [
      { shadow: { minPairs: 1_000 } },
      { canary: 10, minRequests: 200 },
      { canary: 50, minRequests: 1_000 },
    ],
    margins: { error: 0.02, latency: 0.05, loss: 0.05 },
  },
})

export const lateMonitor = monitor('late', { deployment: lateDeployment })
