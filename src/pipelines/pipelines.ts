export { closeTrackingRun, openTrackingRun, trackingIdOf } from './run-tracking.ts'
export { ChangeWatch } from './change-watch.ts'
export { declarePipelines, type DeclarePipelines } from './declare.ts'
export { finishEffect, getEffect, listRequestedEffects, registrationsOf } from './effects.ts'
export { FunctionRun } from './function-run.ts'
export { endGroup, pythonOf } from './foreign-step.ts'
export { listPipelines, readStepLog, whyStep, type StepLogPart, type Why } from './inspection.ts'
export { pipelineJobs } from './jobs.ts'
export { cancelRun, getRun, listRuns, startRun, type RunView, type StartRun } from './runs.ts'
export { registrationConsumer } from './registration.ts'
export { runStep } from './step-run.ts'
export { referencedBlobs } from './store-blobs.ts'
export { runSchedule, triggerConsumer } from './triggers.ts'
export type {
  Answer,
  FunctionMessage,
  FunctionTask,
  RawOutput,
  StepMessage,
  StepTask,
  Task,
} from './child-protocol.ts'
export type { ExecuteParts } from './execute-job.ts'
export type { Code, Launcher } from './launcher.ts'
export type { Pinned, PinSources } from './pins.ts'
export type { RunParts } from './run-job.ts'
export type { StepHost } from './step-host.ts'
