import { join } from 'node:path'
import type { Analytics } from '../ports/analytics/analytics.ts'
import type { StepMessage } from './child-protocol.ts'

/** What the child process gives to the body of a step. */
export interface StepHost {
  analytics: Analytics
  send(message: StepMessage): void
  signal: AbortSignal
  /** The folder with the project's code. */
  codeFolder: string
  /** The body of a built-in step. */
  builtIn(name: string): Promise<(scope: never, host: StepHost) => unknown>
}

/** Where a step may write the file of an output. */
export function outputPath(folder: string, name: string): string {
  return join(folder, `out-${name}`)
}
