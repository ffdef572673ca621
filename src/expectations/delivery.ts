import { judgeAnomaly } from './anomalies.ts'
import type { Column } from '../sources/schema.ts'
import { isOfDelivery, type DeliveryExpectation, type Expectation } from './definition.ts'
import { checkKeys, describe } from './describe.ts'
import type { DeliveredColumn, Delivery } from './delivered.ts'
import { distanceFrom } from './distribution.ts'
import { columnOf, isWithin, shown } from './judge.ts'
import { unmetNeeds } from './needs.ts'
import type { CheckResult } from './schema.ts'

export interface DeliveryContext {
  columns: readonly Column[]
  arrived: { rows: number; columns: readonly DeliveredColumn[] }
  /** Deliveries that became versions, the oldest first, and this one; none when no file arrives. */
  deliveries: readonly Delivery[]
  /** Rows of the version that would be made, and of the one before if there is one. */
  versionRows: number
  previousRows: number | undefined
  /** Versions of this dataset by what a `sameDistribution` calls them, those that exist. */
  versions: ReadonlyMap<string, { reference: string; columns: readonly DeliveredColumn[] }>
}

/** Holds what arrived together against the checks that are about it as a whole. They read no row again. */
export function judgeDelivery(expectations: readonly Expectation[], context: DeliveryContext): CheckResult[] {
  const keys = checkKeys(expectations)
  return expectations.flatMap((expectation, index) =>
    isOfDelivery(expectation) ? judgeOne(expectation, keys[index]!, context) : [],
  )
}

function judgeOne(e: DeliveryExpectation, key: string, context: DeliveryContext): CheckResult[] {
  const { title } = describe(e)
  const head = {
    check: e.check,
    key,
    column: columnOf(e),
    title,
    severity: e.severity,
    file: null,
    rows: context.arrived.rows,
    failing: null,
    failingRows: [],
    observed: null,
    expected: null,
    against: null,
  }
  const unmet = unmetNeeds(e, { columns: context.columns, time: undefined, references: new Map() })
  if (unmet !== undefined) return [{ ...head, passed: false, message: unmet }]
  if (e.check === 'anomaly')
    return judgeAnomaly(e, context.deliveries).map(({ suffix, ...verdict }) => ({
      ...head,
      ...verdict,
      key: suffix === undefined ? key : `${key}:${suffix}`,
      column: suffix ?? null,
      title: suffix === undefined ? title : title.replace(/ as usual$/, ` of ${suffix} as usual`),
    }))
  const measured = measure(e, context)
  if ('missing' in measured) return [{ ...head, passed: true, message: measured.missing }]
  const expected = { min: 'min' in e ? (e.min ?? null) : null, max: e.max ?? null }
  const passed = isWithin(measured.observed, expected)
  const message = passed ? '' : `expected ${title}, found ${shown(measured.observed)}`
  return [{ ...head, ...measured, expected, passed, message }]
}

function measure(
  e: Exclude<DeliveryExpectation, { check: 'anomaly' }>,
  { arrived, versionRows, previousRows, versions }: DeliveryContext,
): { observed: number; against?: string } | { missing: string } {
  if (e.check === 'rowCount') return { observed: versionRows }
  if (e.check === 'rowCountChange') {
    return previousRows === undefined || previousRows === 0
      ? { missing: 'there is no earlier version with rows to compare with' }
      : { observed: versionRows / previousRows }
  }
  const reference = versions.get(String(e.reference))
  const [before, now] = [reference, arrived].map((side) =>
    side?.columns.find(({ name }) => name === e.column),
  )
  if (!reference || !before)
    return { missing: `there is no ${e.column} of an earlier version to compare with` }
  if (!now || now.rows === 0) return { missing: 'no rows arrived' }
  return { observed: distanceFrom(before, now, e.distance), against: reference.reference }
}
