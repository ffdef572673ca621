// What the child process that runs a project's code needs of this room, and no more: it starts often.
export type { Answer, FunctionMessage, StepMessage, Task } from './child-protocol.ts'
export { FunctionRun } from './function-run.ts'
export { runStep } from './step-run.ts'

/** The body of a built-in step; learners and evaluation are loaded with the first one. */
export async function loadBuiltInBody(name: string) {
  return (await import('./built-in-bodies.ts')).builtInBody(name)
}
