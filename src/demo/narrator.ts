import { styleText } from 'node:util'

/** Tells the story as it happens. What is not in the data is marked as injected. */
export class Narrator {
  readonly #startedMs = performance.now()
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  chapter(number: number, title: string, options: { injected?: boolean } = {}): void {
    const mark = options.injected ? styleText('yellow', ' [injected]') : ''
    this.#write(
      `\n${styleText('bold', `${number}. ${title}`)}${mark}  ${styleText('dim', this.#elapsed())}\n`,
    )
  }

  say(text: string): void {
    this.#write(`   ${text}\n`)
  }

  /** A sentence that Tidemill itself stored as a decision. */
  decision(sentence: string, injected: boolean): void {
    const mark = injected ? styleText('yellow', '[injected] ') : ''
    this.#write(`   ${styleText('cyan', '▸')} ${mark}${sentence}\n`)
  }

  block(text: string): void {
    this.#write(`${text.replaceAll(/^/gm, '     ')}\n`)
  }

  #elapsed(): string {
    return `${((performance.now() - this.#startedMs) / 1000).toFixed(0)} s`
  }
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
