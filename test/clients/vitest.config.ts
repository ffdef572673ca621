import { defineConfig } from 'vitest/config'
import { retry, secondTries } from '../second-try.ts'

/** Tests with real clients of other projects: they install them first, so that `npm test` leaves them out. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    // Several of them use the same environment, which the first one makes.
    fileParallelism: false,
    globalSetup: '../database-templates.ts',
    retry,
    reporters: ['default', secondTries],
    // Of a second by default.
    expect: { poll: { timeout: 30_000 } },
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})
