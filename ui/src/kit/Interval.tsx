import type { Bounds } from '../answers.ts'
import { decimal, signed } from '../format.ts'
import styles from './Interval.module.css'

/** "0.652 [0.641, 0.664]"; with `gain`, signs are written. */
export function Interval({ of, digits = 3, gain = false }: { of: Bounds; digits?: number; gain?: boolean }) {
  const text = gain ? signed : decimal
  const known = of.lower !== undefined && of.upper !== undefined
  return (
    <span className={styles['interval']}>
      {text(of.value, digits)}
      {known && (
        <span className={styles['bounds']}>
          {' '}
          [{text(of.lower ?? 0, digits)}, {text(of.upper ?? 0, digits)}]
        </span>
      )}
    </span>
  )
}
