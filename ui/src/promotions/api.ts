import type { Page } from '../answers.ts'
import { at, many, one, send } from '../api.ts'
import type { Promotion, PromotionDetail } from './answers.ts'

export const promotions = (query: { model?: string; version?: number; state?: string }) =>
  many<Page<Promotion>>('registry', '/promotions', query)
export const promotion = (id: string) => one<PromotionDetail>('registry', `/promotions/${at(id)}`)

export const propose = (model: string, body: { version: number; alias: string; reason: string }) =>
  send<PromotionDetail>('POST', `/models/${at(model)}/promotions`, body)
export const review = (
  id: string,
  body: { verdict: 'approved' | 'declined'; body: string; digest: string },
) => send('POST', `/promotions/${at(id)}/reviews`, body)
export const merge = (id: string, force?: { reason: string }) =>
  send('POST', `/promotions/${at(id)}/merge`, force ? { force: true, ...force } : {})
/** `refresh`, `withdraw` or `rollback`. */
export const actOn = (id: string, action: string, reason?: string) =>
  send('POST', `/promotions/${at(id)}/${action}`, reason ? { reason } : {})
