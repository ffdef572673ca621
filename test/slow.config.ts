import { defineConfig } from 'vitest/config'
import { retry, secondTries } from './second-try.ts'

/** Long simulations, searches for counterexamples, and tests that kill processes; `npm test` leaves them out. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    include: ['src/**/*.slow.test.ts', 'test/*.slow.test.ts'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
    globalSetup: 'test/database-templates.ts',
    retry,
    reporters: ['default', secondTries],
    // Of a second by default.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
