import { useMutation, useQuery } from '@tanstack/react-query'
import { queryClient } from '../api.ts'
import { count, duration } from '../format.ts'
import { useParam } from '../kit/address.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { deliveries, redeliver, type Delivery } from './api.ts'

const EVERY_MS = 5_000

/** What was sent and what was answered; `delivery` of the address is the one that is open. */
export function Deliveries({ id }: { id: string }) {
  const [page, toPage] = useParam('page', '')
  const [open, setOpen] = useParam('delivery', '')
  const query = useQuery({ ...deliveries(id, page), refetchInterval: EVERY_MS })
  const again = useMutation({
    mutationFn: (delivery: string) => redeliver(id, delivery),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['webhooks'] }),
  })
  return (
    <Section title="Deliveries" note="Newest first; kept for 30 days.">
      {again.error && <p role="alert">{messageOf(again.error)}</p>}
      <Loaded query={query}>
        {({ items, nextPageToken }) => (
          <>
            <List items={items} open={open} onOpen={setOpen} onAgain={(delivery) => again.mutate(delivery)} />
            {(page !== '' || nextPageToken !== undefined) && (
              <p>
                {page !== '' && <Button onPress={() => toPage('')}>Newest</Button>}{' '}
                {nextPageToken !== undefined && (
                  <Button onPress={() => toPage(nextPageToken)}>Earlier</Button>
                )}
              </p>
            )}
            {items.map((each) => each.id === open && <Detail key={each.id} {...each} />)}
          </>
        )}
      </Loaded>
    </Section>
  )
}

interface ListProps {
  items: Delivery[]
  open: string
  onOpen: (id: string) => void
  onAgain: (id: string) => void
}

function List({ items, open, onOpen, onAgain }: ListProps) {
  if (items.length === 0)
    return <EmptyState what="Nothing was sent yet. The next event that it is for comes here." />
  return (
    <Table
      label="Deliveries, newest first"
      rows={items}
      rowKey={({ id }) => id}
      columns={[
        { name: 'Event', cell: ({ event }) => event },
        { name: 'State', cell: ({ state }) => <State word={state} /> },
        { name: 'When', cell: ({ createdMs }) => <Time ms={createdMs} /> },
        { name: 'Attempts', cell: ({ attempts }) => count(attempts.length), number: true },
        { name: 'Answer', cell: lastAnswer, wrap: true },
        {
          name: '',
          cell: ({ id, event, state }) => (
            <>
              <Button
                label={`Show ${event}`}
                expanded={open === id}
                onPress={() => onOpen(open === id ? '' : id)}
              >
                Show
              </Button>{' '}
              {(state === 'delivered' || state === 'failed') && (
                <Button label={`Send again: ${event}`} onPress={() => onAgain(id)}>
                  Send again
                </Button>
              )}
            </>
          ),
        },
      ]}
    />
  )
}

function lastAnswer({ attempts, state, dueMs }: Delivery) {
  const last = attempts.at(-1)
  if (!last) return <Quiet>not sent yet</Quiet>
  const said = last.status === undefined ? (last.error ?? 'no answer') : `${last.status}`
  return (
    <>
      {said} <Quiet>{duration(last.latencyMs)}</Quiet>
      {state === 'waiting' && (
        <>
          {' '}
          <Quiet>
            next <Time ms={dueMs} plain />
          </Quiet>
        </>
      )}
    </>
  )
}

function Detail({ id, event, body, attempts }: Delivery) {
  return (
    <Section title={`Delivery of ${event}`} note={id}>
      <Table
        label="Attempts"
        rows={attempts}
        rowKey={({ number }) => String(number)}
        columns={[
          { name: 'Attempt', cell: ({ number }) => String(number), number: true },
          { name: 'When', cell: ({ atMs }) => <Time ms={atMs} plain /> },
          { name: 'Status', cell: ({ status }) => status ?? '–', number: true },
          { name: 'Took', cell: ({ latencyMs }) => duration(latencyMs), number: true },
          { name: 'What came back', cell: ({ answer, error }) => error ?? answer, wrap: true },
        ]}
      />
      <h3>Body</h3>
      <pre tabIndex={0} aria-label="Body" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {indented(body)}
      </pre>
    </Section>
  )
}

function indented(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2)
  } catch {
    return body
  }
}
