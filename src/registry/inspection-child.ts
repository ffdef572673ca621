import { toAppError } from '../kernel/errors.ts'
import { inspectOnnx, type InspectionJob } from './inspect-onnx.ts'
import type { FromInspection } from './inspection-process.ts'

/** The process that tries one ONNX file: it gets a job, says what it found, and ends. */
process.once('message', (job: InspectionJob) => {
  void inspectOnnx(job)
    .then(
      (inspection): FromInspection => ({ inspection }),
      (error: unknown): FromInspection => {
        const { code, message, details } = toAppError(error)
        return { refused: { code, message: code === 'internal' ? String(error) : message, details } }
      },
    )
    .then((answer) => process.send!(answer, () => process.disconnect()))
})
