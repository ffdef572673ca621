import { expect, it } from 'vitest'
import { sentenceOf } from './audit-sentence.ts'

it('says what was done, with the numbers and names of it', () => {
  const said = (action: string, subject: string, detail: Record<string, unknown> = {}) =>
    sentenceOf({ action, subject, detail })
  const id = '5d46db443d40036927d9547df9dc4ad4'
  expect(said('registry.promotion_open', 'late/1', { alias: 'production' })).toBe(
    'proposed late/1 as production',
  )
  expect(said('registry.promotion_merged', 'late/1', { alias: 'production' })).toBe(
    'merged the promotion of late/1 to production',
  )
  expect(said('tracking.create_run', id, { name: 'big' })).toBe('started the run big')
  expect(said('tracking.update_run', id, { status: 'FINISHED' })).toBe('set the run …f9dc4ad4 to finished')
  expect(said('tracking.update_run', id, { name: 'bigger' })).toBe('changed the run …f9dc4ad4')
  expect(said('data.ingest', 'flights', { version: 288 })).toBe('made flights v288')
})

it('says an action that has no sentence by its own name', () => {
  expect(sentenceOf({ action: 'privacy.rotate_key', subject: 'default', detail: {} })).toBe(
    'rotate key: default',
  )
})
