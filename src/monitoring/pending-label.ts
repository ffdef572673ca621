import type { ArrivedLabel } from './label-match.ts'
import type { LabelPendingRow } from './tables.ts'

/** A label as it waits for its prediction. */
export function toPending(label: ArrivedLabel, projectId: string, segmentId: string): LabelPendingRow {
  return {
    project_id: projectId,
    feedback_id: label.feedbackId,
    prediction_id: JSON.stringify([label.predictionId, label.requestId, label.rowIndex]),
    label_json: JSON.stringify(label.label),
    label_time_ms: label.labelTimeMs,
    received_ms: label.receivedMs,
    revision: label.revision,
    segment_id: segmentId,
  }
}

export function toArrived(row: LabelPendingRow): ArrivedLabel {
  const [predictionId, requestId, rowIndex] = JSON.parse(row.prediction_id) as [
    string | null,
    string | null,
    number | null,
  ]
  return {
    feedbackId: row.feedback_id,
    predictionId,
    requestId,
    rowIndex,
    label: JSON.parse(row.label_json) as number | string | null,
    labelTimeMs: row.label_time_ms,
    receivedMs: row.received_ms,
    revision: row.revision,
  }
}
