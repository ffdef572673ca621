import { project } from 'tidemill'
import { flights } from './data.ts'
import { airport, airportDelays, flightTime, lateFeatures } from './features.ts'
import { late, lateDeployment, lateMonitor } from './late.ts'
import { trainLate } from './pipelines/train-late.ts'

export default project('flights', {
  datasets: [flights],
  entities: [airport],
  views: [airportDelays],
  onDemand: [flightTime],
  services: [lateFeatures],
  models: [late],
  pipelines: [trainLate],
  deployments: [lateDeployment],
  monitors: [lateMonitor],
})
