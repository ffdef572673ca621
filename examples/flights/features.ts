import { entity, featureService, onDemand } from 'tidemill'

export const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./features/flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})

/** Requests name it, though no feature is about it yet. */
export const airport = entity('airport', { key: 'origin', description: 'A US airport by its IATA code' })

export const lateFeatures = featureService('late_features', [flightTime])
