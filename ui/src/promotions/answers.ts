import type { PromotionDetail } from '../../../src/promotions/schema.ts'

export type { Compared, Evidence, Promotion, PromotionDetail, Side } from '../../../src/promotions/schema.ts'
export type Review = PromotionDetail['reviews'][number]
