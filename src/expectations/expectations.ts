export { MAX_FAILING_ROWS, validate, type Validation } from './validation.ts'
