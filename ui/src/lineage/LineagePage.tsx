import { useQuery } from '@tanstack/react-query'
import { count } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { ButtonLink } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { Page } from '../kit/Page.tsx'
import { Quiet } from '../kit/Table.tsx'
import { Tabs } from '../kit/Tabs.tsx'
import { directions, type Lineage, type LineageNode } from './answers.ts'
import { lineage } from './api.ts'
import { kindWord, LineageGraph } from './LineageGraph.tsx'

const words = { both: 'both ways', up: 'where it came from', down: 'what came of it' }

/** Where did it come from, and what came of it? */
export function LineagePage() {
  const [kind] = useParam('kind', '')
  const [id] = useParam('id', '')
  const [said] = useParam('direction', 'both')
  const direction = directions.find((one) => one === said) ?? 'both'
  const query = useQuery({ ...lineage({ kind, id, direction }), enabled: kind !== '' && id !== '' })
  if (kind === '' || id === '')
    return (
      <Page title="Lineage">
        <EmptyState
          what="The lineage of a version stands on its page. From the command line:"
          code={
            'tidemill lineage late/3             # where it came from\ntidemill lineage flights@2 --down   # what came of it'
          }
        />
      </Page>
    )
  return (
    <LoadedPage query={query} title="Lineage" of={{ label: 'Overview', href: '/' }}>
      {(data) => <LineageView lineage={data} />}
    </LoadedPage>
  )
}

function LineageView({ lineage }: { lineage: Lineage }) {
  const start = lineage.nodes[0]!
  return (
    <Page
      title={start.title}
      aside={<Quiet>{kindWord(start.kind)}</Quiet>}
      lede={sentence(lineage)}
      actions={start.href !== undefined && <ButtonLink href={start.href}>Its page</ButtonLink>}
    >
      <Tabs
        name="direction"
        label="Direction"
        options={directions.map((value) => ({ value, label: words[value] }))}
      />
      <LineageGraph lineage={lineage} />
    </Page>
  )
}

/** Counts by kind what stands in the graph besides the start. */
function sentence({ nodes }: Lineage): string {
  const others = nodes.slice(1)
  if (others.length === 0) return 'Nothing is known of where it came from, and nothing came of it.'
  const parts = [...Map.groupBy(others, (node) => node.kind)].map(([kind, same]) => counted(kind, same))
  return `Connected with ${parts.join(', ')}.`
}

function counted(kind: string, same: LineageNode[]): string {
  if (kind === 'code') return same.length === 1 ? 'its code' : `${count(same.length)} states of the code`
  return `${count(same.length)} ${kindWord(kind)}${same.length === 1 ? '' : 's'}`
}
