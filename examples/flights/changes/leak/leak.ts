import { featureService, onDemand } from 'tidemill'
import { airportDelays, flightTime } from './features.ts'

export const gateReport = onDemand('gate_report', {
  inputs: { reported_delay: 'number' },
  outputs: { gate_delay: 'number' },
  module: new URL('./features/gate-report.ts', import.meta.url).href,
  export: 'gateReport',
})

export const leakyFeatures = featureService('leaky_features', [flightTime, airportDelays, gateReport])
