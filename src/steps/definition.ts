// What a project declares of this room, and what loading it needs: definitions and zod, nothing that runs.
export {
  pipeline,
  py,
  sh,
  step,
  stepSource,
  type Champion,
  type PipelineScope,
  type PipelineSource,
  type RunCause,
  type StepSource,
  type StepTools,
} from './authoring.ts'
export { builtInSteps, evaluate, referenceProfile, split, train, trainingSet } from './built-in.ts'
export { pipelinesDefinitionSchema, type StepDefinition } from './schema.ts'
export { builtInStepId, describeBuiltInStep, describePipeline, describeStep, stepId } from './describe.ts'
export { Json, Model, Table } from './kinds.ts'
export type { JsonRef, ModelInput, ModelRef, TableInput, TableRef } from './kinds.ts'
export type { ServiceFacts } from './run-scope.ts'
export { cron, degraded, drift, newData, type Trigger } from './trigger-definition.ts'
