import { project } from 'tidemill'
import { flights } from './data.ts'
import { airport, airportDelays, flightTime, lateFeatures } from './features.ts'
import { gateReport, leakyFeatures } from './leak.ts'
import { trainLeaky } from './pipelines/train-leaky.ts'
import { late, lateDeployment, lateMonitor } from './late.ts'
import { trainLate } from './pipelines/train-late.ts'

export default project('flights', {
  datasets: [flights],
  entities: [airport],
  views: [airportDelays],
  onDemand: [flightTime, gateReport],
  services: [lateFeatures, leakyFeatures],
  models: [late],
  pipelines: [trainLate, trainLeaky],
  deployments: [lateDeployment],
  monitors: [lateMonitor],
})
