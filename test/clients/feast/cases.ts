/** A request that both servers get. */
export interface Case {
  name: string
  path?: string
  body: unknown
  /** Why the answers differ, where they do beyond the general rules. */
  difference?: string
  /** Rows of the dataset `quotes` for which this waits: what was pushed offline is in a version soon, not at once. */
  afterRows?: number
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
const at = (clock: string) => ({ ...row, event_time: [`2001-01-15T${clock}:00Z`] })
const push = (time: string, price: number): unknown => ({
  push_source_name: 'stocks',
  df: { ...row, event_time: [time], price: [price] },
  to: 'online',
})
const span = { start_ts: '2000-01-01T00:00:00', end_ts: '2001-01-15T09:00:00' }
const price = { entities: { symbol: ['IBM', 'MSFT'] }, features: ['prices:price'] }
const quotes = { entities: { symbol: ['IBM', 'MSFT', 'GOOG'] }, features: ['quoted:quote'] }

function read(
  entities: Readonly<Record<string, unknown[]>>,
  features: unknown,
  more = {},
): { body: unknown } {
  return { body: { entities, features, ...more } }
}

function write(df: unknown, more = {}): Pick<Case, 'path' | 'body'> {
  return { path: '/push', body: { push_source_name: 'stocks', df, to: 'online', ...more } }
}

function quote(symbol: string, time: string, value: unknown, to: string): Pick<Case, 'path' | 'body'> {
  const df = { symbol: [symbol], event_time: [time], quote: [value] }
  return { path: '/push', body: { push_source_name: 'quotes', df, to } }
}

/** Whole numbers as keys, `#7` for 7, since some of them are too long for a number. */
function keysOf(pairs: string[]): Case[] {
  const miles = ['pairs:miles']
  return [
    { name: 'whole numbers of 64 bits', ...read({ pair_id: pairs }, miles) },
    { name: 'a whole number that is no key', ...read({ pair_id: [7, '#7.0', -1] }, miles) },
    {
      name: 'a whole number as text',
      ...read({ pair_id: [pairs[0]!.slice(1)] }, miles),
      difference: 'a key is answered as it was sent',
    },
    {
      name: 'a word for a whole number',
      ...read({ pair_id: ['word'] }, miles),
      difference: 'keys are texts: nothing is found',
    },
    {
      name: 'a fraction for a whole number',
      ...read({ pair_id: [1.5] }, miles),
      difference: 'Feast cuts the fraction off, and answers for another key',
    },
    {
      name: 'more than 64 bits',
      ...read({ pair_id: ['#99999999999999999999'] }, miles),
      difference: 'keys are texts: nothing is found',
    },
    { name: 'a missing whole number', ...read({ pair_id: [null] }, miles) },
    {
      name: 'true for a whole number',
      ...read({ pair_id: [true] }, miles),
      difference: 'Feast takes true for 1',
    },
  ]
}

const ODD_READS: Case[] = [
  { name: 'a list as key', ...read({ origin: [['ATL']] }, delays) },
  { name: 'an object as key', ...read({ origin: [{ a: 1 }] }, delays) },
  { name: 'a null among keys', ...read({ origin: ['ATL', null] }, delays) },
  {
    name: 'true as key',
    ...read({ origin: [true] }, delays),
    difference: 'Feast takes true for the text True',
  },
  {
    name: 'keys of all letters',
    ...read({ origin: ['ÅTL', '日本', '\u0000', ' ATL', 'atl', 'NaN'] }, delays),
  },
  {
    name: 'no name of a feature',
    ...read(atl, ['airport_delays:']),
    difference: 'what is unknown is 404, not 400',
  },
  { name: 'no name of a view', ...read(atl, [':x']) },
  {
    name: 'two colons',
    ...read(atl, ['airport_delays:x:y']),
    difference: 'what is unknown is 404, not 400',
  },
  {
    name: 'the key as feature',
    ...read(atl, ['airport_delays:origin']),
    difference: 'what is unknown is 404, not 400',
  },
  { name: 'an empty name of a service', body: { entities: atl, feature_service: '' } },
  { name: 'a service in capitals', body: { entities: atl, feature_service: 'BOTH' } },
  { name: 'null for features', ...read(atl, null) },
  { name: 'a number among features', ...read(atl, [1]) },
  {
    name: 'yes for true',
    ...read(atl, delays, { full_feature_names: 'yes' }),
    difference: 'true and false alone are true and false',
  },
  { name: 'null for true', ...read(atl, delays, { full_feature_names: null }) },
  { name: 'on demand alone', ...read({ distance: [1000, 1001] }, ['route:half', 'route:far']) },
  {
    name: 'a text for a number, on demand',
    ...read({ ...atl, distance: ['far'] }, ['route:half']),
    difference: 'the function gets null, and the value is INVALID',
  },
  {
    name: 'a null for a number, on demand',
    ...read({ ...atl, distance: [null] }, ['route:half']),
    difference: 'the function gets null, as in training',
  },
]

const ODD_PUSHES: Case[] = [
  { name: 'push: a column too many', ...write({ ...at('08:00'), extra: [1] }) },
  { name: 'push: a feature is missing', ...write({ symbol: ['IBM'], event_time: ['2001-01-15T08:00:00Z'] }) },
  { name: 'push: no time', ...write(row) },
  { name: 'push: a text for a number', ...write({ ...at('08:00'), price: ['cheap'] }) },
  {
    name: 'push: a number for a text',
    ...write({ ...at('08:00'), trend: [5] }),
    difference: 'nothing of another kind is stored',
  },
  {
    name: 'push: a list for a number',
    ...write({ ...at('08:00'), price: [[1, 2]] }),
    difference: 'nothing of another kind is stored',
  },
  { name: 'push: a null as key', ...write({ ...at('08:00'), symbol: [null] }) },
  { name: 'push: a null as time', ...write({ ...at('08:00'), event_time: [null] }) },
  { name: 'push: no such time', ...write({ ...at('08:00'), event_time: ['soon'] }) },
  {
    name: 'push: a number as time',
    ...write({ ...at('08:00'), event_time: [979_545_600] }),
    difference: 'Feast takes it for nanoseconds, and the row for one of 1970',
  },
  { name: 'push: no rows', ...write({}), difference: 'a push that says nothing is a mistake' },
  { name: 'push: null for a destination', ...write(row, { to: null }) },
  { name: 'push: nulls', ...write({ ...at('08:50'), price: [null], trend: [null] }) },
  { name: 'pushed nulls are read', ...read({ symbol: ['IBM'] }, ['prices:price', 'prices:trend']) },
  {
    name: 'push: values by index',
    ...write(Object.fromEntries(Object.entries(at('08:52')).map(([name, [value]]) => [name, { 0: value }]))),
  },
  {
    name: 'push: a time with a zone',
    ...write({ ...at('08:00'), event_time: ['2001-01-15T10:55:00+02:00'] }),
  },
  { name: 'the zone is read', ...read({ symbol: ['IBM'] }, ['prices:price', 'prices:trend']) },
  {
    name: 'push: the same key twice, the newer first',
    ...write({
      ...Object.fromEntries(Object.entries(row).map(([name, [value]]) => [name, [value, value]])),
      symbol: ['AMZN', 'AMZN'],
      price: [2, 1],
      event_time: ['2001-01-15T08:10:00Z', '2001-01-15T08:05:00Z'],
    }),
  },
  {
    name: 'the newer of both is read',
    ...read({ symbol: ['AMZN'] }, ['prices:price']),
    difference: 'the newest row by event time stays, wherever it stands',
  },
  { name: 'write: no view', path: '/write-to-online-store', body: { df: row } },
  {
    name: 'write: an on-demand feature',
    path: '/write-to-online-store',
    body: { feature_view_name: 'route', df: { distance: [1] } },
    difference: 'there is no feature view of that name: 404',
  },
]

/** What goes offline is read online when it was materialized. */
const OFFLINE: Case[] = [
  { name: 'quotes', body: quotes },
  { name: 'offline', ...quote('IBM', '2001-01-15T08:00:00Z', 95.5, 'offline') },
  { name: 'offline, the same again', ...quote('IBM', '2001-01-15T08:00:00Z', 95.5, 'offline') },
  {
    name: 'offline: an unknown source',
    path: '/push',
    body: { push_source_name: 'nowhere', df: row, to: 'offline' },
  },
  {
    name: 'offline: a column is missing',
    path: '/push',
    body: { push_source_name: 'quotes', df: { symbol: ['IBM'] }, to: 'offline' },
  },
  { name: 'offline: no number', ...quote('IBM', '2001-01-15T08:00:00Z', 'dear', 'offline') },
  { name: 'online and offline', ...quote('GOOG', '2001-01-15T08:30:00Z', 1.5, 'online_and_offline') },
  {
    name: 'materialize what is offline',
    path: '/materialize',
    body: { ...span, feature_views: ['quoted'] },
    afterRows: 5,
  },
  { name: 'what is offline is read', body: quotes },
  {
    name: 'materialize: a span that is over',
    path: '/materialize',
    body: { start_ts: '2001-01-01', end_ts: '2001-01-13', feature_views: ['quoted'] },
  },
  {
    name: 'newer rows stay',
    body: quotes,
    difference: 'a row never replaces a newer one',
  },
  {
    name: 'materialize: all there is',
    path: '/materialize',
    body: { disable_event_timestamp: true, feature_views: ['quoted'] },
  },
  { name: 'all there is is read', body: quotes },
  { name: 'materialize: no views', path: '/materialize', body: { ...span, feature_views: [] } },
  {
    name: 'materialize: a time in words',
    path: '/materialize',
    body: { start_ts: 'Jan 1 2001', end_ts: 'Jan 2 2001', feature_views: ['quoted'] },
    difference: 'times are ISO 8601, which nobody reads in two ways',
  },
  {
    name: 'materialize: a numbered version',
    path: '/materialize',
    body: { ...span, feature_views: ['quoted'], version: 'v2' },
  },
  {
    name: 'materialize: incremental, before what is online',
    path: '/materialize-incremental',
    body: { end_ts: '1990-01-01', feature_views: ['quoted'] },
  },
  { name: 'nothing has changed', body: quotes },
]

export function casesOf({ airports, pairs }: { airports: readonly string[]; pairs: string[] }): Case[] {
  return [...requestsOf(airports), ...keysOf(pairs), ...ODD_READS, ...ODD_PUSHES, ...OFFLINE]
}

function requestsOf(airports: readonly string[]): Case[] {
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
