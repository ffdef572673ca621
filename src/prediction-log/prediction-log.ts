export { RolloutCounter, writeCounts, type ProfileCount } from './counts.ts'
export {
  eraseFromLog,
  feedbackOn,
  findFeedback,
  findPredictions,
  type LoggedPrediction,
} from './erase-log.ts'
export { recordExternal } from './external.ts'
export { FeedbackLog, toStoredFeedback } from './feedback-log.ts'
export { DEFAULT_ROLL, PredictionLog, type RollLimits } from './open-segments.ts'
export {
  blankRow,
  writeRow,
  type Column,
  type ColumnValue,
  type LoggedFeature,
  type LoggedOutput,
  type PredictionRow,
  type RouteHeader,
} from './prediction-rows.ts'
export { queryLog } from './query.ts'
export { feedbackScan, labelledScan, predictionScan } from './scan.ts'
export { readFeedbackSegment, readPredictionSegment, type PredictionSegment } from './segment-content.ts'
export { FRAME, recoverSegment, type FrameGroup } from './segment.ts'
export { Spool } from './spool.ts'
export { findSegment, listRolledSegments, referencedBlobs } from './store.ts'
