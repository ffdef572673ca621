import { amount } from '../kernel/amount.ts'
import { monotonicMs } from '../kernel/clock.ts'

const EVERY_MS = { terminal: 200, lines: 5_000 } as const

/** Says how far a long work has come: on a terminal one line that is written over, otherwise a plain line every five seconds. */
export class Progress {
  readonly #out: { isTTY?: boolean; write(text: string): unknown } | undefined
  readonly #startedMs = monotonicMs()
  #phase = ''
  #done = 0
  #total: number | undefined
  #phaseMs = 0
  #saidMs = 0
  #open = false

  constructor(out?: { isTTY?: boolean; write(text: string): unknown }) {
    this.#out = out
  }

  /** `total` in the units that `add` counts; unknown where it is left out. */
  begin(phase: string, total?: number): void {
    this.#phase = phase
    this.#total = total
    this.#done = 0
    this.#phaseMs = monotonicMs()
  }

  add(units: number): void {
    this.#done += units
    const now = monotonicMs()
    const everyMs = this.#out?.isTTY ? EVERY_MS.terminal : EVERY_MS.lines
    if (!this.#out || now - Math.max(this.#saidMs, this.#startedMs) < everyMs) return
    this.#saidMs = now
    this.#say(this.#line(now))
  }

  /** Leaves the last line standing. */
  end(): void {
    if (this.#open) this.#out?.write('\n')
    this.#open = false
  }

  get seconds(): number {
    return (monotonicMs() - this.#startedMs) / 1000
  }

  #line(now: number): string {
    const seconds = (now - this.#phaseMs) / 1000
    const rate = seconds > 0 ? this.#done / seconds : 0
    const parts = [`${this.#phase}: ${amount(this.#done)}`]
    if (this.#total !== undefined) parts.push(` of ${amount(this.#total)}`)
    parts.push(`, ${amount(Math.round(rate))}/s`)
    const rest = this.#total === undefined || rate === 0 ? undefined : (this.#total - this.#done) / rate
    if (rest !== undefined && rest > 0) parts.push(`, ${duration(rest)} left`)
    return parts.join('')
  }

  #say(line: string): void {
    if (!this.#out?.isTTY) this.#out?.write(`${line}\n`)
    else {
      this.#out.write(`\r\u001b[K${line}`)
      this.#open = true
    }
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
