import { defineConfig } from 'vitest/config'

/** Tests with real clients of other projects: they install them first, so that `npm test` leaves them out. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ['*.test.ts'], testTimeout: 600_000, hookTimeout: 600_000 },
})
