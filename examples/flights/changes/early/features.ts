import { entity, featureService, featureView, onDemand } from 'tidemill'
import { flights } from './data.ts'

export const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./features/flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})

export const airport = entity('airport', { key: 'origin', description: 'A US airport by its IATA code' })

/** Meant well: how late the airport's last flight was. At departure, nobody knows it yet. */
export const airportDelays = featureView('airport_delays', {
  entity: airport,
  dataset: flights,
  sql: 'SELECT origin, date AS event_time, delay AS last_delay FROM dataset',
  ttl: '9h',
  features: { last_delay: 'number' },
})

export const lateFeatures = featureService('late_features', [flightTime, airportDelays])
