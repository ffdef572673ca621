import { useQuery } from '@tanstack/react-query'
import { EmptyState } from '../kit/EmptyState.tsx'
import { useParam } from '../kit/address.ts'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { promotions } from './api.ts'
import { PromotionList } from './PromotionList.tsx'

const states = [
  { value: 'open', label: 'Open' },
  { value: 'merged', label: 'Merged' },
  { value: 'declined', label: 'Declined' },
  { value: 'withdrawn', label: 'Withdrawn' },
  { value: 'rolled_back', label: 'Rolled back' },
]

/** What waits for a review, and what came of the others? */
export function PromotionsPage() {
  const [state] = useParam('state', 'open')
  const [model] = useParam('model', '')
  const query = useQuery(promotions({ state, ...(model !== '' && { model }) }))
  return (
    <Page
      title="Promotions"
      aside={model !== '' && <Quiet>{model}</Quiet>}
      crumbs={[
        { label: 'Models', href: '/models' },
        ...(model === '' ? [] : [{ label: model, href: `/models/${model}` }]),
      ]}
      lede="Who proposes which version as which alias, and what came of it."
    >
      <Tabs name="state" label="State of promotions" options={states} />
      <Loaded query={query}>
        {({ items }) =>
          items.length > 0 ? (
            <PromotionList items={items} />
          ) : state === 'open' ? (
            <EmptyState
              what="No promotion is open. One is opened on the page of a version, or by:"
              code={'tidemill promote late/3 --alias champion --reason "knows the distance"'}
            />
          ) : (
            <p>
              <Quiet>There is none.</Quiet>
            </p>
          )
        }
      </Loaded>
    </Page>
  )
}
