import { count, share } from '../format.ts'
import { State } from '../kit/State.tsx'
import { Quiet } from '../kit/Table.tsx'
import type { CatalogueEntry, Rate } from './answers.ts'

/** Mismatches beyond this lower bound are certain enough to say so in a list. */
const CERTAIN = 0.001

/** Whether what was served in the last week is what the offline data give. */
export function SkewState({ skew }: { skew: CatalogueEntry['skew'] }) {
  if (skew === null) return <Quiet>not checked</Quiet>
  const { worst, checked, mismatched } = skew
  const title = `${count(mismatched)} of ${count(checked)} served values differ and are not explained by late data`
  return (
    <span title={title}>
      {worst.lower > CERTAIN ? (
        <>
          <State word="differs" mood="bad" /> {worst.feature} {share(worst.rate)}
        </>
      ) : mismatched > 0 ? (
        <State word={`${count(mismatched)} differ`} mood="attention" />
      ) : (
        <State word="none" mood="good" />
      )}
    </span>
  )
}

export function rateText({ rate, lower, upper }: Rate): string {
  return `${share(rate)} [${share(lower)}, ${share(upper)}]`
}
