import { featureService, requestFeatures } from 'tidemill'

/** What a request tells about a customer; the same columns train the model. */
export const customerFeatures = featureService('customer', [
  requestFeatures({
    plan: 'category',
    tenure_months: 'number',
    monthly_fee: 'number',
    support_calls: 'number',
    days_since_login: 'number',
  }),
])
