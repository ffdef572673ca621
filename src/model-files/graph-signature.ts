import type { InferenceSession } from '../ports/inference/inference.ts'
import { openGraph } from './open-graph.ts'
import type { Signature } from './schema.ts'

type Kind = Signature['inputs'][number]['kind']

export interface SignatureFacts {
  task: string
  /** Kinds of the features that the model was trained on, by name; without them texts are categories, all else numbers. */
  kinds?: ReadonlyMap<string, Kind>
  /** A graph does not tell whether it can take missing values. Default false. */
  nullable?: boolean
}

/** The signature of a stored ONNX graph. Throws `invalid` for a file that is none. */
export async function readGraphSignature(path: string, facts: SignatureFacts): Promise<Signature> {
  await using session = await openGraph(path)
  return signatureOf(session, facts)
}

/** What an open graph takes and gives. */
export function signatureOf(
  { inputs, outputs }: Pick<InferenceSession, 'inputs' | 'outputs'>,
  { task, kinds, nullable = false }: SignatureFacts,
): Signature {
  return {
    task,
    inputs: inputs.map(({ name, datatype }) => ({
      name,
      kind: kinds?.get(name) ?? (datatype === 'BYTES' ? ('category' as const) : ('number' as const)),
      datatype,
      nullable,
    })),
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
  }
}
