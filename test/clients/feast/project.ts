import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { declareDatasets } from '../../../src/data/data.ts'
import { ingest } from '../../../src/ingest/ingest.ts'
import { pushRows } from '../../../src/pushes/pushes.ts'
import { dataset } from '../../../src/data/definition.ts'
import { declareFeatures, listServedFeatures } from '../../../src/features/features.ts'
import { entity, featureService, featureView, onDemand } from '../../../src/features/definition.ts'
import { materialize } from '../../../src/materialization/materialize.ts'
import { localOwner } from '../../../src/kernel/actor.ts'
import { files, push } from '../../../src/sources/definition.ts'
import { PROJECT_ID, type TestContext } from '../../databases.ts'
import { publish } from '../../gateways.ts'
import { storeCode } from '../../served-features.ts'

/** The moment of the test: real flights and share prices up to then are known. */
export const NOW_MS = Date.UTC(2001, 0, 15, 9)
export const NOW = '2001-01-15T09:00:00'
export const TTL_MS: Readonly<Record<string, number>> = {
  airport_delays: 6 * 3_600_000,
  prices: 20 * 86_400_000,
  pairs: 6 * 3_600_000,
  quoted: 20 * 86_400_000,
}

const DATA = join(import.meta.dirname, '../../../node_modules/vega-datasets/data')

const airport = entity('airport', { key: 'origin' })
const share = entity('share', { key: 'symbol' })
const flights = dataset('flights', { source: files('flights.parquet'), time: 'date' })
const stocks = dataset('stocks', { source: files('stocks.csv') })
const quotes = dataset('quotes', {
  source: push({ columns: { symbol: 'VARCHAR', event_time: 'TIMESTAMP', quote: 'DOUBLE' } }),
  time: 'event_time',
  probeEvery: '500ms',
})

const airportDelays = featureView('airport_delays', {
  entity: airport,
  dataset: flights,
  sql: `SELECT origin, landed_at AS event_time, avg(delay) OVER recent AS mean_delay_3h,
          count(*) OVER recent AS flights_3h, max(date) OVER recent AS last_departure
        FROM (SELECT *, date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) AS landed_at FROM dataset)
        WINDOW recent AS (PARTITION BY origin ORDER BY landed_at RANGE BETWEEN INTERVAL 3 HOURS PRECEDING AND CURRENT ROW)`,
  ttl: '6h',
  features: { mean_delay_3h: 'number', flights_3h: 'number', last_departure: 'timestamp' },
})

const prices = featureView('prices', {
  entity: share,
  dataset: stocks,
  sql: `SELECT symbol, day AS event_time, price, CASE WHEN price > 100 THEN price END AS above_100,
          CASE WHEN price > lag(price) OVER months THEN 'up' WHEN price <= lag(price) OVER months THEN 'down' END AS trend,
          0.5 AS flights_3h
        FROM (SELECT symbol, price, strptime(date, '%b %-d %Y') AS day FROM dataset)
        WINDOW months AS (PARTITION BY symbol ORDER BY day)`,
  ttl: '20d',
  features: { price: 'number', above_100: 'number', trend: 'category', flights_3h: 'number' },
})

/** Its keys are whole numbers of 64 bits. */
const pair = entity('pair', { key: 'pair_id' })
const pairs = featureView('pairs', {
  entity: pair,
  dataset: flights,
  sql: `SELECT CAST(hash(origin || destination) >> 1 AS BIGINT) AS pair_id, date AS event_time, CAST(distance AS DOUBLE) AS miles
        FROM dataset`,
  ttl: '6h',
  features: { miles: 'number' },
})

/** Its rows are pushed. */
const quoted = featureView('quoted', {
  entity: share,
  dataset: quotes,
  sql: 'SELECT symbol, event_time, quote FROM dataset',
  ttl: '20d',
  features: { quote: 'number' },
})

const route = onDemand('route', {
  inputs: { distance: 'number' },
  outputs: { far: 'number', half: 'number' },
  module: 'features/route.ts',
  export: 'route',
  budgetMs: 1000,
})

const ROUTE =
  'export const route = ({ distance }: { distance: number }) => ({ far: distance > 1000 ? 1 : 0, half: distance / 2 })\n'

const FIRST_QUOTES = [
  { symbol: 'IBM', event_time: '2001-01-12T16:00:00', quote: 93.81 },
  { symbol: 'MSFT', event_time: '2001-01-12T16:00:00', quote: 53.5 },
]

const VIEWS = [airportDelays, prices, pairs, quoted]

/**
 * Real flights and share prices (vega-datasets) become features, online and followed by gateways. The rows of the views, from the same SQL,
 * are left as Parquet in the folder for Feast.
 */
export async function makeProject(context: TestContext, folder: string): Promise<void> {
  context.clock.set(NOW_MS)
  const base = { projectId: PROJECT_ID, actor: localOwner }
  await using session = await context.analytics.session()
  const flown = join(folder, 'flights.parquet')
  await session.execute(
    `COPY (SELECT * FROM read_parquet('${DATA}/flights-3m.parquet') WHERE date < '2001-01-15 09:00') TO '${flown}' (FORMAT parquet)`,
  )
  copyFileSync(join(DATA, 'stocks.csv'), join(folder, 'stocks.csv'))
  writeFileSync(join(folder, 'quotes.json'), JSON.stringify(FIRST_QUOTES))
  const tables = {
    flights: `read_parquet('${flown}')`,
    stocks: `read_csv('${folder}/stocks.csv')`,
    quotes: `read_json('${folder}/quotes.json', columns = {symbol: 'VARCHAR', event_time: 'TIMESTAMP', quote: 'DOUBLE'})`,
  }
  for (const view of VIEWS) {
    const dataset = tables[view.dataset as keyof typeof tables]
    const rows = `WITH dataset AS (SELECT * FROM ${dataset}) ${view.sql}`
    await session.execute(
      `COPY (SELECT * REPLACE (CAST(event_time AS TIMESTAMPTZ) AS event_time) FROM (${rows})
        WHERE event_time <= '${NOW}') TO '${folder}/${view.name}.parquet' (FORMAT parquet)`,
    )
  }
  await declareDatasets(context, { ...base, directory: folder, datasets: [flights, stocks, quotes] })
  const snapshot = await storeCode(context, { 'features/route.ts': ROUTE })
  const definitions = {
    entities: [airport, share, pair],
    views: VIEWS,
    onDemand: [route],
    services: [
      featureService('both', [
        'airport_delays:mean_delay_3h',
        'airport_delays:last_departure',
        'prices:trend',
      ]),
      featureService('routed', ['airport_delays:mean_delay_3h', 'route:far']),
    ],
  }
  await declareFeatures(context, { ...base, definitions, snapshot })
  await pushRows(context, { ...base, dataset: 'quotes', key: 'first', rows: FIRST_QUOTES })
  for (const { name } of [flights, stocks, quotes]) await ingest(context, { ...base, dataset: name })
  const [served] = await listServedFeatures(context.db.read)
  for (const { view, definitionHash } of served!.views)
    await materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs: NOW_MS })
  await publish(context, [], { features: [{ ...served!, project: 'default' }] })
}
