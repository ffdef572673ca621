/** The door of the room: whether served features are what the offline data give. */
export { tickSkew } from './due.ts'
export { eraseExamples } from './erase-examples.ts'
export { mismatchRate } from './judge.ts'
export { sumSkew } from './report.ts'
