import { useMutation, useQuery } from '@tanstack/react-query'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Choice, Field, Form, Secret } from '../kit/Field.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import {
  addToken,
  changePassword,
  me,
  projects,
  removeToken,
  roles,
  tokens,
  type Role,
  type Token,
} from './api.ts'

/** Who am I here, and what acts in my name? */
export function AccountPage() {
  const who = useQuery(me())
  return (
    <Page title="Account" lede={who.data && <Roles name={who.data.name} />}>
      <Loaded query={who}>
        {({ kind }) =>
          kind === 'owner' ? (
            <EmptyState
              what="Nobody has to sign in on this machine. Add people before others can reach it."
              code="tidemill users add ana --admin"
            />
          ) : (
            <>
              <Tokens />
              <Password />
            </>
          )
        }
      </Loaded>
    </Page>
  )
}

function Roles({ name }: { name: string }) {
  const items = useQuery(projects()).data?.items
  if (!items) return <>{name}</>
  if (items.length === 0) return <>{name} has no role in any project yet: ask an admin for one.</>
  return (
    <>
      {name} is {items.map(({ name: project, role }) => `${role} in ${project}`).join(', ')}.
    </>
  )
}

const DAY_MS = 86_400_000

function Tokens() {
  const query = useQuery(tokens())
  const known = useQuery(projects()).data?.items ?? []
  const adding = useMutation({
    mutationFn: ({ name = '', role, project = '*', days = '' }: Readonly<Record<string, string>>) =>
      addToken({
        name,
        role: role as Role,
        project,
        expiresMs: days === '' ? null : Date.now() + Number(days) * DAY_MS,
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['people'] }),
  })
  const where = known.map(({ name }) => ({ value: name, label: name }))
  return (
    <Section
      title="API tokens"
      note="A program that sends one acts as you, with no more than the token gives."
    >
      <Form
        label="New token"
        problem={adding.error ? messageOf(adding.error) : undefined}
        onSubmit={(values) => adding.mutate(values)}
      >
        <Field label="What for" name="name" required />
        <Choice label="At most" name="role" options={roles.map((role) => ({ value: role, label: role }))} />
        <Choice label="Project" name="project" options={[{ value: '*', label: 'all' }, ...where]} />
        <Choice
          label="Expires"
          name="days"
          options={[
            { value: '90', label: 'in 90 days' },
            { value: '365', label: 'in a year' },
            { value: '', label: 'never' },
          ]}
        />
        <Button submit look="primary" disabled={adding.isPending}>
          Make a token
        </Button>
      </Form>
      {adding.data && <Secret label="Copy it now; it is not shown again." text={adding.data.token} />}
      <Loaded query={query}>{({ items }) => <TokenTable items={items} />}</Loaded>
    </Section>
  )
}

function TokenTable({ items }: { items: Token[] }) {
  const removing = useMutation({
    mutationFn: removeToken,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['people'] }),
  })
  if (items.length === 0)
    return <EmptyState what="No token yet. An MLflow client sends one as MLFLOW_TRACKING_TOKEN." />
  return (
    <Table
      label="API tokens"
      rows={items}
      rowKey={({ id }) => id}
      columns={[
        { name: 'For', cell: ({ name }) => name },
        { name: 'At most', cell: ({ role }) => role },
        { name: 'Project', cell: ({ project }) => (project === '*' ? 'all' : project) },
        {
          name: 'Expires',
          cell: ({ expiresMs }) => (expiresMs === null ? 'never' : <Time ms={expiresMs} plain />),
        },
        { name: 'Last used', cell: ({ usedMs }) => (usedMs === null ? 'never' : <Time ms={usedMs} plain />) },
        {
          name: '',
          cell: ({ id, name }) => (
            <Button label={`Revoke ${name}`} onPress={() => removing.mutate(id)}>
              Revoke
            </Button>
          ),
        },
      ]}
    />
  )
}

function Password() {
  const changing = useMutation({
    mutationFn: ({ current = '', password = '' }: Readonly<Record<string, string>>) =>
      changePassword(current, password),
  })
  return (
    <Section title="Password" note="A new one ends all other sessions.">
      <Form
        label="New password"
        problem={changing.error ? messageOf(changing.error) : undefined}
        onSubmit={(values) => changing.mutate(values)}
      >
        <Field
          label="Present password"
          name="current"
          type="password"
          autoComplete="current-password"
          required
        />
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          minLength={12}
          required
        />
        <Button submit disabled={changing.isPending}>
          Change it
        </Button>
        {changing.isSuccess && <span role="status">Changed.</span>}
      </Form>
    </Section>
  )
}
