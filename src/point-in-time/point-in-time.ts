export { createRows } from './create-rows.ts'
export { buildTrainingSet, planTrainingSet, trainingSet, type TrainingSetPlan } from './training-set.ts'
export { knownFrom, newestRows, viewRows } from './view-rows.ts'
export { nextChange, windowEvents, windowsUntil } from './window-values.ts'
