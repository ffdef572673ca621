import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { at, queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Field, Form, Secret } from '../kit/Field.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { addWebhook, newSecret, webhooks, type Webhook } from './api.ts'
import { EventChoice } from './EventChoice.tsx'

/** Who is told of what happens here? */
export function WebhooksPage() {
  const query = useQuery(webhooks())
  return (
    <Page title="Webhooks" lede="Other servers that are told of what happens in this project.">
      <Section title="Webhooks">
        <Loaded query={query}>{({ items }) => <List items={items} />}</Loaded>
      </Section>
      <Add />
    </Page>
  )
}

function List({ items }: { items: Webhook[] }) {
  if (items.length === 0)
    return (
      <EmptyState
        what="Nobody is told of anything yet. Add an address below, or on the command line:"
        code="tidemill webhooks add pager https://pager.example/hook alert.raised --secret-env PAGER_SECRET"
      />
    )
  return (
    <Table
      label="All webhooks"
      rows={items}
      rowKey={({ id }) => id}
      columns={[
        { name: 'Name', cell: ({ id, name }) => <Link href={`/webhooks/${at(id)}`}>{name}</Link> },
        { name: 'State', cell: ({ status }) => <State word={status.toLowerCase()} /> },
        { name: 'Events', cell: ({ events }) => events.join(', '), wrap: true },
        { name: 'Address', cell: ({ url }) => url, wrap: true },
        { name: 'Signed', cell: ({ isSigned }) => (isSigned ? 'yes' : 'no') },
        { name: 'Made', cell: ({ createdMs }) => <Time ms={createdMs} plain /> },
      ]}
    />
  )
}

function Add() {
  const [events, setEvents] = useState<readonly string[]>([])
  const adding = useMutation({
    mutationFn: async ({ name = '', url = '' }: Readonly<Record<string, string>>) => {
      const secret = newSecret()
      return { made: await addWebhook({ name, url, events: [...events], secret }), secret }
    },
    onSuccess: async () => {
      setEvents([])
      await queryClient.invalidateQueries({ queryKey: ['webhooks'] })
    },
  })
  return (
    <Section
      title="New webhook"
      note="Every delivery is signed with a secret that is made now and shown once."
    >
      <Form
        label="New webhook"
        upright
        problem={adding.error ? messageOf(adding.error) : undefined}
        onSubmit={(values) => adding.mutate(values)}
      >
        <Field label="Name" name="name" required />
        <Field label="Address" name="url" required />
        <EventChoice chosen={events} onChange={setEvents} />
        <Button submit look="primary" disabled={adding.isPending || events.length === 0}>
          Add it
        </Button>
      </Form>
      {adding.data && (
        <Secret
          label={`${adding.data.made.name} is added. Give its receiver this secret now; it is not shown again.`}
          text={adding.data.secret}
        />
      )}
    </Section>
  )
}
