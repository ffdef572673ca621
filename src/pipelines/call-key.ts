import { hashJson, type Json } from '../kernel/json.ts'
import type { InputSource } from '../steps/steps.ts'

/**
 * What a call is, whenever the function runs: its step, params and where its inputs come from. It does not depend on
 * the order of calls, so that a recovered run finds its step runs again.
 */
export function callKey(
  call: { step: string; params: Json; inputs: Readonly<Record<string, InputSource>>; key: string | null },
  keyOfCall: (call: number) => string,
): string {
  const inputs = Object.entries(call.inputs).map(
    ([name, source]) => [name, sourceKey(source, keyOfCall)] as const,
  )
  return hashJson({ step: call.step, params: call.params, inputs: Object.fromEntries(inputs), key: call.key })
}

function sourceKey(source: InputSource, keyOfCall: (call: number) => string): Json {
  return source.from === 'call'
    ? { from: 'call', call: keyOfCall(source.call), output: source.output }
    : { ...source }
}
