export type { ReferencedVersion } from './compile.ts'
export { judgeDelivery, type DeliveredColumn } from './delivery.ts'
export { MAX_FAILING_ROWS } from './failing-rows.ts'
export { validate, type Validation } from './validation.ts'
