import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { queryClient } from '../api.ts'
import { duration } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { ConfirmDialog } from '../kit/ConfirmDialog.tsx'
import { Facts } from '../kit/Facts.tsx'
import { Choice, Form, Secret } from '../kit/Field.tsx'
import { LoadedPage } from '../kit/LoadedPage.tsx'
import { messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Time } from '../kit/Time.tsx'
import {
  changeWebhook,
  newSecret,
  removeWebhook,
  testWebhook,
  webhook,
  type Outcome,
  type Webhook,
} from './api.ts'
import { Deliveries } from './Deliveries.tsx'

const LIST = { label: 'Webhooks', href: '/webhooks' }

/** Does it arrive? */
export function WebhookPage({ id }: { id: string }) {
  const query = useQuery(webhook(id))
  return (
    <LoadedPage query={query} title="Webhook" of={LIST}>
      {(found) => <One {...found} />}
    </LoadedPage>
  )
}

function One(found: Webhook) {
  const { name, url, events, description, status, isSigned, createdMs, updatedMs } = found
  return (
    <Page
      title={name}
      aside={<State word={status.toLowerCase()} />}
      crumbs={[LIST]}
      {...(description !== '' && { lede: description })}
      actions={<Actions {...found} />}
    >
      <Facts
        items={[
          ['Address', <span style={{ overflowWrap: 'anywhere' }}>{url}</span>],
          ['Events', events.join(', ')],
          ['Signed', isSigned ? 'yes, with its secret' : 'no'],
          ['Made', <Time ms={createdMs} plain />],
          ['Changed', <Time ms={updatedMs} plain />],
        ]}
      />
      <Test {...found} />
      <SecretOf {...found} />
      <Deliveries id={found.id} />
    </Page>
  )
}

function Actions({ id, name, status }: Webhook) {
  const [, go] = useLocation()
  const [asked, ask] = useState(false)
  const switching = useMutation({
    mutationFn: () => changeWebhook(id, { status: status === 'ACTIVE' ? 'DISABLED' : 'ACTIVE' }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['webhooks'] }),
  })
  return (
    <>
      <Button onPress={() => switching.mutate()} disabled={switching.isPending}>
        {status === 'ACTIVE' ? 'Disable' : 'Enable'}
      </Button>
      <Button look="danger" onPress={() => ask(true)}>
        Delete
      </Button>
      {asked && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          text="Nothing is sent to it any more, and the log of its deliveries goes too."
          verb="Delete"
          askReason={false}
          onConfirm={async () => {
            await removeWebhook(id)
            go('/webhooks')
          }}
          onClose={() => ask(false)}
        />
      )}
    </>
  )
}

function Test({ id, events }: Webhook) {
  const testing = useMutation({ mutationFn: (event: string) => testWebhook(id, event) })
  return (
    <Section
      title="Try it"
      note="An example of an event, sent at once. It is not in the log, and not repeated."
    >
      <Form
        label="Send an example"
        problem={testing.error ? messageOf(testing.error) : undefined}
        onSubmit={({ event = '' }) => testing.mutate(event)}
      >
        <Choice label="Event" name="event" options={events.map((name) => ({ value: name, label: name }))} />
        <Button submit disabled={testing.isPending}>
          Send an example
        </Button>
      </Form>
      {testing.data && <Said outcome={testing.data} />}
    </Section>
  )
}

function Said({ outcome: { isSuccess, status, latencyMs, answer, error } }: { outcome: Outcome }) {
  return (
    <div role="status">
      <p>
        <State word={isSuccess ? 'accepted' : 'failed'} />{' '}
        {status === undefined ? 'No answer' : `Status ${status}`} after {duration(latencyMs)}
        {error === undefined ? '.' : `: ${error}`}
      </p>
      {answer !== '' && <pre style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{answer}</pre>}
    </div>
  )
}

function SecretOf({ id, isSigned }: Webhook) {
  const changing = useMutation({
    mutationFn: async () => {
      const secret = newSecret()
      await changeWebhook(id, { secret })
      return secret
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['webhooks'] }),
  })
  return (
    <Section title="Secret" note="The one it had signs nothing any more once there is a new one.">
      <Button onPress={() => changing.mutate()} disabled={changing.isPending}>
        {isSigned ? 'Make a new secret' : 'Sign its deliveries'}
      </Button>
      {changing.error && <p role="alert">{messageOf(changing.error)}</p>}
      {changing.data !== undefined && (
        <Secret label="Give its receiver this secret now; it is not shown again." text={changing.data} />
      )}
    </Section>
  )
}
