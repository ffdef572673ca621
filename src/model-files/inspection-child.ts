import { inspectOnnx } from './inspect-onnx.ts'
import { answerParent } from './trial-process.ts'

/** The process that tries one ONNX file. */
answerParent(inspectOnnx)
