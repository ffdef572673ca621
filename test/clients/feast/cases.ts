/** A request that both servers get. */
export interface Case {
  name: string
  path?: string
  body: unknown
  /** Why the answers differ, where they do beyond the general rules. */
  difference?: string
}

const delays = ['airport_delays:mean_delay_3h', 'airport_delays:flights_3h']
const all = [...delays, 'airport_delays:last_departure']
const atl = { origin: ['ATL'] }
const row = {
  symbol: ['IBM'],
  price: [110.5],
  above_100: [110.5],
  trend: ['up'],
  flights_3h: [0.5],
}
const push = (time: string, price: number): unknown => ({
  push_source_name: 'stocks',
  df: { ...row, event_time: [time], price: [price] },
  to: 'online',
})
const span = { start_ts: '2000-01-01T00:00:00', end_ts: '2001-01-15T09:00:00' }
const price = { entities: { symbol: ['IBM', 'MSFT'] }, features: ['prices:price'] }

export function casesOf(airports: readonly string[]): Case[] {
  return [
    { name: 'one key', body: { entities: atl, features: delays } },
    { name: 'every airport', body: { entities: { origin: airports }, features: all } },
    { name: 'unknown keys', body: { entities: { origin: ['ATL', 'XXX', ''] }, features: all } },
    { name: 'the same key twice', body: { entities: { origin: ['ATL', 'ORD', 'ATL'] }, features: delays } },
    { name: 'full names', body: { entities: atl, features: all, full_feature_names: true } },
    {
      name: 'nulls and texts',
      body: {
        entities: { symbol: ['MSFT', 'IBM', 'AMZN', 'GOOG'] },
        features: ['prices:trend', 'prices:above_100', 'prices:price'],
      },
    },
    {
      name: 'two entities',
      body: {
        entities: { origin: ['ATL', 'ORD'], symbol: ['IBM', 'MSFT'] },
        features: ['prices:price', ...delays],
      },
    },
    {
      name: 'names that collide',
      body: {
        entities: { ...atl, symbol: ['IBM'] },
        features: ['airport_delays:flights_3h', 'prices:flights_3h'],
      },
    },
    {
      name: 'full names that do not collide',
      body: {
        entities: { ...atl, symbol: ['IBM'] },
        features: ['airport_delays:flights_3h', 'prices:flights_3h'],
        full_feature_names: true,
      },
    },
    { name: 'a feature twice', body: { entities: atl, features: [delays[0], delays[0]] } },
    { name: 'a service', body: { entities: { ...atl, symbol: ['IBM'] }, feature_service: 'both' } },
    {
      name: 'a service before a list',
      body: { entities: { ...atl, symbol: ['IBM'] }, feature_service: 'both', features: ['nowhere:x'] },
    },
    {
      name: 'a service, full names',
      body: { entities: { ...atl, symbol: ['IBM'] }, feature_service: 'both', full_feature_names: true },
    },
    {
      name: 'an on-demand feature',
      body: {
        entities: { distance: [1500, 20], origin: ['ATL', 'ORD'] },
        features: ['route:half', 'route:far'],
      },
    },
    {
      name: 'on demand in a service',
      body: { entities: { distance: [1500], ...atl }, feature_service: 'routed' },
    },
    {
      name: 'on demand in a service, full names',
      body: { entities: { distance: [1500], ...atl }, feature_service: 'routed', full_feature_names: true },
      difference: 'Feast drops on-demand features in Python mode from answers with full names',
    },
    { name: 'an input that is missing', body: { entities: atl, feature_service: 'routed' } },
    {
      name: 'the name of the entity for its key',
      body: { entities: { airport: ['ATL'] }, features: delays },
    },
    { name: 'a column too many', body: { entities: { ...atl, note: ['x'] }, features: delays } },
    {
      name: 'a key that no feature needs',
      body: { entities: { ...atl, symbol: ['IBM'] }, features: delays },
    },
    {
      name: 'a number for a text',
      body: { entities: { origin: [7] }, features: delays },
      difference: 'a key is answered as it was sent',
    },
    {
      name: 'views with metadata',
      body: { entities: atl, features: delays, include_feature_view_version_metadata: true },
    },
    { name: 'the latest version', body: { entities: atl, features: ['airport_delays@latest:flights_3h'] } },
    { name: 'a numbered version', body: { entities: atl, features: ['airport_delays@v2:flights_3h'] } },
    { name: 'an unknown view', body: { entities: atl, features: ['nowhere:x'] } },
    {
      name: 'an unknown feature',
      body: { entities: atl, features: ['airport_delays:x'] },
      difference: 'what is unknown is 404, not 400',
    },
    { name: 'an unknown service', body: { entities: atl, feature_service: 'nowhere' } },
    { name: 'no reference', body: { entities: atl, features: ['airport_delays'] } },
    { name: 'no features', body: { entities: atl, features: [] } },
    { name: 'no entities', body: { entities: {}, features: delays } },
    { name: 'no keys', body: { entities: { origin: [] }, features: delays } },
    { name: 'a null as key', body: { entities: { origin: [null] }, features: delays } },
    { name: 'the wrong key', body: { entities: { symbol: ['IBM'] }, features: delays } },
    {
      name: 'ragged columns',
      body: { entities: { origin: ['ATL', 'ORD'], symbol: ['IBM'] }, features: delays },
    },
    { name: 'entities missing', body: { features: delays } },
    { name: 'entities of another type', body: { entities: { origin: 'ATL' }, features: 'all' } },
    { name: 'a list for a body', body: [1] },
    { name: 'materialize', path: '/materialize', body: span },
    { name: 'materialize: one view', path: '/materialize', body: { ...span, feature_views: ['prices'] } },
    {
      name: 'materialize: an unknown view',
      path: '/materialize',
      body: { ...span, feature_views: ['nowhere'] },
    },
    { name: 'materialize: no times', path: '/materialize', body: {} },
    { name: 'materialize: no such times', path: '/materialize', body: { start_ts: 'soon', end_ts: 'later' } },
    { name: 'materialize: an empty span', path: '/materialize', body: { ...span, start_ts: span.end_ts } },
    {
      name: 'materialize: a text for a list',
      path: '/materialize',
      body: { ...span, feature_views: 'prices' },
    },
    {
      name: 'materialize: incremental',
      path: '/materialize-incremental',
      body: { end_ts: span.end_ts, feature_views: ['prices'] },
    },
    { name: 'materialize: incremental, no time', path: '/materialize-incremental', body: {} },
    {
      name: 'materialize: incremental, no such time',
      path: '/materialize-incremental',
      body: { end_ts: 'soon' },
    },
    { name: 'push: an unknown source', path: '/push', body: { push_source_name: 'nowhere', df: row } },
    {
      name: 'push: columns that are missing',
      path: '/push',
      body: { push_source_name: 'stocks', df: { symbol: ['IBM'] } },
    },
    {
      name: 'push: ragged',
      path: '/push',
      body: { push_source_name: 'stocks', df: { ...row, symbol: ['IBM', 'MSFT'] } },
    },
    {
      name: 'push: to somewhere else',
      path: '/push',
      body: { push_source_name: 'stocks', df: row, to: 'elsewhere' },
    },
    { name: 'push: no frame', path: '/push', body: { push_source_name: 'stocks', df: [1] } },
    { name: 'push: a row', path: '/push', body: push('2001-01-15 08:00:00+00:00', 110.5) },
    { name: 'the pushed row is read', body: price },
    { name: 'push: a newer row', path: '/push', body: push('2001-01-15T08:30:00Z', 111.25) },
    { name: 'the newer row is read', body: price },
    {
      name: 'write: one view',
      path: '/write-to-online-store',
      body: {
        feature_view_name: 'prices',
        df: { ...row, symbol: ['MSFT'], event_time: ['2001-01-15T08:45:00Z'] },
      },
    },
    { name: 'the written row is read', body: price },
    {
      name: 'write: an unknown view',
      path: '/write-to-online-store',
      body: { feature_view_name: 'nowhere', df: row },
      difference: 'the class says that it is a feature view that is missing',
    },
    { name: 'push: an older row', path: '/push', body: push('2001-01-14T08:00:00Z', 1) },
    {
      name: 'the older row is not read',
      body: price,
      difference: 'the newest row by event time stays, whatever comes late',
    },
    { name: 'search by a vector', path: '/search', body: { features: delays, query: [1], top_k: 1 } },
  ]
}
