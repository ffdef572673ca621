import { useQuery } from '@tanstack/react-query'
import type { Decision } from '../answers.ts'
import { decisions } from '../api.ts'
import { useParam } from '../kit/address.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { DecisionDays } from './DecisionDays.tsx'

const kinds = [
  { value: '', label: 'All' },
  { value: 'validation', label: 'Data checks' },
  { value: 'gate', label: 'Gates' },
  { value: 'promotion', label: 'Promotions' },
  { value: 'deploy', label: 'Deployments' },
  { value: 'rollout', label: 'Rollouts' },
  { value: 'alert', label: 'Alerts' },
  { value: 'trigger', label: 'Triggers' },
]

/** What was decided, by which rule, on which numbers? */
export function DecisionsPage() {
  const [kind] = useParam('kind', '')
  const query = useQuery(decisions({ limit: 200, ...(kind === '' ? {} : { kind }) }))
  return (
    <Page
      title="Decisions"
      lede="Everything that was decided, as a sentence; open one to see its rule and numbers."
    >
      <Tabs name="kind" label="Kind of decision" options={kinds} />
      <Loaded query={query}>{(data) => <Feed items={data.items} />}</Loaded>
    </Page>
  )
}

function Feed({ items }: { items: Decision[] }) {
  if (items.length === 0) {
    return (
      <EmptyState
        what="Nothing of this kind was decided yet. Gates, rollouts, checks and alerts decide when a pipeline runs and requests arrive."
        code={'tidemill run train-late      # start a pipeline\ntidemill deploy late --version 1'}
      />
    )
  }
  return <DecisionDays items={items} />
}
