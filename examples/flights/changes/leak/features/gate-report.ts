/** At departure no gate has reported yet; in the training data it is the answer. */
export function gateReport({ reported_delay }: { reported_delay: number | null }) {
  return { gate_delay: reported_delay }
}
