import { between, dataset, files, notNull, rowCount } from 'tidemill'

/** When a flight has landed: half an hour after its departure, and a minute for every eight miles. */
export const landed = 'date + to_minutes(CAST(30 + distance / 8 AS BIGINT))'

/** Landed flights, as files that arrive in `feed/`. A file that breaks a rule is kept out, with its rows named. */
export const flights = dataset('flights', {
  source: files('feed/*.parquet'),
  time: 'date',
  knownAt: { delay: { sql: landed } },
  expect: [
    notNull('origin'),
    notNull('destination'),
    between('delay', -1_440, 2_880),
    between('distance', 1, 6_000),
    rowCount({ min: 1 }),
  ],
})
