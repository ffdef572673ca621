import type { Reporter, TestModule } from 'vitest/node'

/** On a busy machine of CI a failed test is tried once more. What passed only then is named at the end: it is a fault to look for, not a pass to be content with. */
export const retry = process.env['CI'] ? 1 : 0

/** Names each test that failed first and passed at its second try. */
export const secondTries: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    for (const module of modules) {
      for (const test of module.children.allTests('passed')) {
        if (!test.diagnostic()?.flaky) continue
        const first = test.result().errors?.[0]?.message ?? 'no message'
        process.stdout.write(`SECOND TRY  ${module.relativeModuleId} > ${test.fullName}: ${first}\n`)
      }
    }
  },
}
