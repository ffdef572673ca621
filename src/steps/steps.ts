// The child process that runs a project's code starts often and enters here: what is not needed at once is loaded later.
export { SetFacts, TrainingFacts } from './built-in.ts'
export type {
  Answer,
  FunctionMessage,
  InputSource,
  RawOutput,
  StepMessage,
  StepTask,
  Task,
  TaskInput,
} from './child-protocol.ts'
export { pythonOf } from './foreign-step.ts'
export { FunctionRun } from './function-run.ts'
export type { Code, Launcher } from './launcher.ts'
export { runStep } from './step-run.ts'

/** The body of a built-in step; learners and evaluation are loaded with the first one. */
export async function loadBuiltInBody(name: string) {
  return (await import('./built-in-bodies.ts')).builtInBody(name)
}
