import { configDefaults, defineConfig } from 'vitest/config'
import { retry, secondTries } from './test/second-try.ts'

/** Long simulations, searches for counterexamples and tests that kill processes are `*.slow.test.ts`: `test/slow.config.ts` runs them. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/*.slow.test.ts'],
    pool: 'threads',
    isolate: false,
    // PostgreSQL holds events back while any transaction of the cluster is open, another test's as well.
    maxWorkers: process.env['DB_POSTGRES_URL'] ? 1 : 2,
    globalSetup: 'test/database-templates.ts',
    retry,
    reporters: ['default', secondTries],
    // Of a second by default.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
