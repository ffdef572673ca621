import { fileURLToPath } from 'node:url'
import type { Inspection, InspectionJob } from './inspect-onnx.ts'
import { askProcess } from './trial-process.ts'

const SCRIPT = fileURLToPath(
  new URL(`./inspection-child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Tries an ONNX file in a process of its own. Throws `invalid` with the reason. */
export async function inspectInProcess(job: InspectionJob): Promise<Inspection> {
  return await askProcess<Inspection>(SCRIPT, job, { limitMs: 300_000 })
}
