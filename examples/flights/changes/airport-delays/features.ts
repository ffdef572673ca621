import { entity, featureService, featureView, onDemand } from 'tidemill'
import { flights, landed } from './data.ts'

export const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./features/flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})

export const airport = entity('airport', { key: 'origin', description: 'A US airport by its IATA code' })

/** How late an airport's flights were over the last hours, leaving or bound for it: of those that have landed by then. */
export const airportDelays = featureView('airport_delays', {
  entity: airport,
  dataset: flights,
  sql: `
    WITH touched AS (
      SELECT origin AS airport, delay, ${landed} AS landed_at FROM dataset
      UNION ALL
      SELECT destination, delay, ${landed} FROM dataset
    )
    SELECT airport AS origin, landed_at AS event_time,
      avg(delay) OVER w1 AS delay_1h, avg(CAST(delay > 15 AS INTEGER)) OVER w1 AS late_share_1h,
      avg(delay) OVER w3 AS delay_3h, avg(CAST(delay > 15 AS INTEGER)) OVER w3 AS late_share_3h
    FROM touched
    WINDOW
      w1 AS (PARTITION BY airport ORDER BY landed_at RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW),
      w3 AS (PARTITION BY airport ORDER BY landed_at RANGE BETWEEN INTERVAL 3 HOURS PRECEDING AND CURRENT ROW)`,
  ttl: '9h',
  lookback: '18h',
  features: {
    delay_1h: { kind: 'number', description: 'Mean delay in the hour before the last landing, in minutes' },
    late_share_1h: { kind: 'number', description: 'Share of its flights more than 15 minutes late' },
    delay_3h: 'number',
    late_share_3h: 'number',
  },
  description: 'How late an airport’s flights were over the last hours',
  tags: ['punctuality'],
})

export const lateFeatures = featureService('late_features', [flightTime, airportDelays])
