import { entity, featureService, featureView, onDemand } from 'tidemill'
import { flights } from './data.ts'

export const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./features/flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})

export const airport = entity('airport', { key: 'origin' })

/** How late flights left an airport over the last hours, by flights that have landed by then. */
export const airportDelays = featureView('airport_delays', {
  entity: airport,
  dataset: flights,
  sql: `
    WITH landed AS (
      SELECT origin, delay, date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) AS landed_at FROM dataset
    )
    SELECT origin, landed_at AS event_time,
      avg(delay) OVER short AS delay_1h, avg(CAST(delay > 15 AS INTEGER)) OVER short AS late_share_1h,
      avg(delay) OVER long AS delay_3h, avg(CAST(delay > 15 AS INTEGER)) OVER long AS late_share_3h
    FROM landed
    WINDOW
      short AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW),
      long AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL 3 HOURS PRECEDING AND CURRENT ROW)`,
  ttl: '6h',
  lookback: '16h',
  features: { delay_1h: 'number', late_share_1h: 'number', delay_3h: 'number', late_share_3h: 'number' },
})

export const lateFeatures = featureService('late_features', [flightTime, airportDelays])
