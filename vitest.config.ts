import { configDefaults, defineConfig } from 'vitest/config'

/** Long simulations and tests that kill processes are `*.slow.test.ts`: `test/slow.config.ts` runs them. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/*.slow.test.ts'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
