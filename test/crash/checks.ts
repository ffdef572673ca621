import { messageOf } from '../../src/kernel/errors.ts'

/** Counts what held and what did not, one line for each. */
export class Checks {
  passed = 0
  failed = 0

  that(sentence: string, holds: boolean, found = ''): void {
    if (holds) this.passed++
    else this.failed++
    const detail = found === '' ? '' : ` (${found})`
    process.stdout.write(`${holds ? 'ok    ' : 'FAILED'} ${sentence}${detail}\n`)
  }

  /** True when a list of what is wrong is empty; else its first members are shown. */
  none(sentence: string, wrong: readonly unknown[], found = ''): void {
    const shown = wrong.slice(0, 5).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
    this.that(
      sentence,
      wrong.length === 0,
      wrong.length === 0 ? found : `${wrong.length}: ${shown.join('; ')}`,
    )
  }

  /** Plays a part of the test; an error in it is one failed check, and the next part goes on. */
  async part(name: string, play: () => Promise<void>): Promise<void> {
    const started = performance.now()
    process.stdout.write(`\n${name}\n`)
    try {
      await play()
    } catch (error) {
      this.that(`${name}: played to its end`, false, messageOf(error))
    }
    process.stdout.write(`       ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  }

  note(text: string): void {
    process.stdout.write(`       ${text}\n`)
  }
}

/** How long anything may take on a machine that has much else to do. */
export const PATIENCE_MS = 120_000

/** Asks again until there is an answer; throws when none came in time. */
export async function until<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await ask()
    if (value !== undefined) return value
    if (performance.now() > deadline) throw new Error(`Waited ${PATIENCE_MS / 1000} s for ${what}`)
    await sleep(20)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
