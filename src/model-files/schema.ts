import { z } from 'zod'
import { datatypes } from '../kernel/datatypes.ts'

const FeatureKind = z.enum(['number', 'category', 'timestamp'])

/** What a model takes and gives: inputs are named features, outputs are tensors. */
export const Signature = z.object({
  inputs: z.array(
    z.object({ name: z.string(), kind: FeatureKind, datatype: z.string(), nullable: z.boolean() }),
  ),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: z.array(z.number()).describe('-1 where it varies'),
    }),
  ),
  task: z.string(),
  classes: z
    .array(z.union([z.string(), z.number()]))
    .optional()
    .describe('Labels of a classifier, in the order of its probabilities'),
  score: z
    .object({ output: z.string(), column: z.number().optional() })
    .optional()
    .describe('Where the score of a row stands; without a column the largest of the row'),
  features: z
    .array(z.string())
    .optional()
    .describe('Names of the columns of a single matrix input; requests may send them one by one'),
})
export type Signature = z.infer<typeof Signature>

export const importedTasks = ['binary', 'multiclass', 'regression'] as const
export type ImportedTask = (typeof importedTasks)[number]

/** What was found when an ONNX file was tried. */
export const ImportReport = z.object({
  sha256: z.string().describe('Of the file as it came; another than the version’s when it was edited'),
  sizeBytes: z.number(),
  producer: z.string(),
  opsets: z.record(z.string(), z.number()),
  changes: z.array(z.string()).describe('What was edited in the graph'),
  loadMs: z.number(),
  residentBytes: z.number().describe('Growth of the process by loading and running it'),
  latency: z.array(z.object({ rows: z.number(), calls: z.number(), p50Us: z.number(), p99Us: z.number() })),
  processor: z.string().describe('On which it was measured'),
  golden: z
    .object({
      rows: z.number(),
      absolute: z.number(),
      relative: z.number(),
      largestDifference: z.number(),
    })
    .optional(),
})
export type ImportReport = z.infer<typeof ImportReport>

/** An input or output of a Python model; its first dimension is the rows. */
const PythonTensor = z.object({
  name: z.string(),
  datatype: z.enum(datatypes),
  shape: z.array(z.number()),
  time: z.boolean().optional().describe('Milliseconds since the epoch, which Python gets as times'),
  unnamed: z.boolean().optional().describe('A tensor without a name, which Python gets by itself'),
})
export type PythonTensor = z.infer<typeof PythonTensor>

/** An MLflow pyfunc model: a folder of files, served by a Python process. */
export const PythonModel = z.object({
  files: z.array(z.object({ path: z.string(), sha256: z.string() })),
  inputs: z.array(PythonTensor),
  outputs: z.array(PythonTensor),
  table: z.boolean().describe('Inputs are the columns of one table'),
})
export type PythonModel = z.infer<typeof PythonModel>
