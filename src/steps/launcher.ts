import type {
  Answer,
  FunctionMessage,
  FunctionTask,
  RawOutput,
  StepMessage,
  StepTask,
} from './child-protocol.ts'

/** The code that a child runs: a snapshot, and the packages it may import. */
export interface Code {
  snapshot: string
  dependencies: string | undefined
}

/** Runs code of a project in child processes. The worker owns them. */
export interface Launcher {
  /** The folder with the code's files. */
  folderOf(code: Code): Promise<string>
  /** Resolves with what the step gave; rejects when it threw, its process died, or the signal aborted. */
  runStep(
    code: Code,
    task: StepTask,
    watch: { signal: AbortSignal; message(message: StepMessage): void },
  ): Promise<Record<string, RawOutput>>
  /** Resolves when the function has ended and all its calls are answered; rejects when its process died. */
  runFunction(
    code: Code,
    task: FunctionTask,
    host: { signal: AbortSignal; message(message: FunctionMessage, answer: (answer: Answer) => void): void },
  ): Promise<{ error: string | null }>
}
