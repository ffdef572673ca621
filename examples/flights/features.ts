import { featureService, onDemand } from 'tidemill'

export const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./features/flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})

export const lateFeatures = featureService('late_features', [flightTime])
