import { between, dataset, files, inSet, notNull, unique } from 'tidemill'

/**
 * Customers on the day they were looked at, and whether they had left 30 days later. The rows in `data/` are
 * synthetic. Put further files beside them: each one is held against the rules and then joins the dataset.
 */
export const customers = dataset('customers', {
  source: files('data/*.csv'),
  time: 'asked_at',
  probeEvery: '1s',
  expect: [
    notNull('asked_at'),
    unique(['customer']),
    inSet('plan', ['basic', 'plus', 'pro']),
    between('tenure_months', 0, 600),
    inSet('left', [0, 1]),
  ],
})
