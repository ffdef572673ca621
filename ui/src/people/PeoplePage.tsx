import { useMutation, useQuery } from '@tanstack/react-query'
import { queryClient } from '../api.ts'
import { Button } from '../kit/Button.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Choice, Field, Form, Secret } from '../kit/Field.tsx'
import { Loaded, messageOf } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Table } from '../kit/Table.tsx'
import {
  addTeam,
  addUser,
  invite,
  roles,
  setDisabled,
  setMember,
  setRole,
  teams,
  users,
  type Grant,
  type Role,
  type Team,
  type User,
} from './api.ts'

/** Who may do what here? */
export function PeoplePage() {
  const everybody = useQuery(users())
  return (
    <Page title="People" lede="Who may sign in, in which teams, with which roles.">
      <Loaded query={everybody}>
        {({ items }) => (
          <>
            <Users items={items} />
            <Roles users={items} />
            <Teams users={items} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

/** A change of people, after which all their lists are asked for again. */
function useChange<Values, Answer>(change: (values: Values) => Promise<Answer>) {
  const mutation = useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['people'] }),
  })
  return { ...mutation, problem: mutation.error ? messageOf(mutation.error) : undefined }
}

function Users({ items }: { items: User[] }) {
  const inviting = useChange(async ({ name, isNew }: { name: string; isNew: boolean }) => {
    if (isNew) await addUser(name)
    const { secret } = await invite(name)
    return { name, link: `${location.origin}/invite#${secret}` }
  })
  const disabling = useChange(({ name, disabled }: { name: string; disabled: boolean }) =>
    setDisabled(name, disabled),
  )
  return (
    <Section title="Users">
      <Form
        label="New user"
        problem={inviting.problem ?? disabling.problem}
        onSubmit={({ name = '' }) => inviting.mutate({ name, isNew: true })}
      >
        <Field label="User name" name="name" required />
        <Button submit look="primary" disabled={inviting.isPending}>
          Add and invite
        </Button>
      </Form>
      {inviting.data && (
        <Secret
          label={`Send this link to ${inviting.data.name}: it sets a password, once, within a week.`}
          text={inviting.data.link}
        />
      )}
      {items.length === 0 ? (
        <EmptyState
          what="Nobody yet. Before others can reach this server there must be an admin."
          code="tidemill users add ana --admin"
        />
      ) : (
        <Table
          label="Users"
          rows={items}
          rowKey={({ name }) => name}
          columns={[
            { name: 'User', cell: ({ name }) => name },
            { name: 'State', cell: ({ state }) => state },
            { name: 'Roles', cell: ({ grants }) => rolesText(grants), wrap: true },
            { name: 'Teams', cell: (user) => user.teams.join(', ') },
            {
              name: '',
              cell: ({ name, state }) => (
                <>
                  {state !== 'disabled' && (
                    <Button
                      label={`New link for ${name}`}
                      onPress={() => inviting.mutate({ name, isNew: false })}
                    >
                      New link
                    </Button>
                  )}{' '}
                  <Button
                    label={`${state === 'disabled' ? 'Enable' : 'Disable'} ${name}`}
                    onPress={() => disabling.mutate({ name, disabled: state !== 'disabled' })}
                  >
                    {state === 'disabled' ? 'Enable' : 'Disable'}
                  </Button>
                </>
              ),
            },
          ]}
        />
      )}
    </Section>
  )
}

function rolesText(grants: readonly Grant[]): string {
  return grants
    .map(({ project, role }) => `${role} ${project === '*' ? 'everywhere' : `in ${project}`}`)
    .join(', ')
}

function Roles({ users: items }: { users: User[] }) {
  const known = useQuery(teams()).data?.items ?? []
  const giving = useChange(({ holder = '', role, where }: Readonly<Record<string, string>>) => {
    const [type, ...name] = holder.split(':')
    return setRole(
      { type: type as 'user' | 'team', name: name.join(':') },
      { role: role === 'none' ? null : (role as Role), everywhere: where === 'everywhere' },
    )
  })
  const holders = [
    ...items.map(({ name }) => ({ value: `user:${name}`, label: name })),
    ...known.map(({ name }) => ({ value: `team:${name}`, label: `team ${name}` })),
  ]
  if (holders.length === 0) return null
  return (
    <Section
      title="Give a role"
      note="The highest of a user’s own roles and those of the user’s teams counts."
    >
      <Form label="Give a role" problem={giving.problem} onSubmit={(values) => giving.mutate(values)}>
        <Choice label="To" name="holder" options={holders} />
        <Choice
          label="Role"
          name="role"
          options={[...roles, 'none'].map((role) => ({ value: role, label: role }))}
        />
        <Choice
          label="Where"
          name="where"
          options={[
            { value: 'here', label: 'in this project' },
            { value: 'everywhere', label: 'everywhere' },
          ]}
        />
        <Button submit disabled={giving.isPending}>
          Give
        </Button>
      </Form>
    </Section>
  )
}

function Teams({ users: items }: { users: User[] }) {
  const query = useQuery(teams())
  const adding = useChange(addTeam)
  const joining = useChange(({ team = '', user = '', how }: Readonly<Record<string, string>>) =>
    setMember(team, user, how === 'in'),
  )
  // An admin of one project administers roles there, and no teams.
  if (query.isError) return null
  return (
    <Section title="Teams">
      <Form label="New team" problem={adding.problem} onSubmit={({ name = '' }) => adding.mutate(name)}>
        <Field label="Team name" name="name" required />
        <Button submit disabled={adding.isPending}>
          Add
        </Button>
      </Form>
      <Loaded query={query}>
        {({ items: known }) =>
          known.length === 0 ? (
            <EmptyState what="No team yet. A team is given roles like a user, and owns models as team:name." />
          ) : (
            <>
              <TeamTable items={known} />
              <Form label="Members" problem={joining.problem} onSubmit={(values) => joining.mutate(values)}>
                <Choice
                  label="User"
                  name="user"
                  options={items.map(({ name }) => ({ value: name, label: name }))}
                />
                <Choice
                  label="Is"
                  name="how"
                  options={[
                    { value: 'in', label: 'in' },
                    { value: 'out', label: 'no longer in' },
                  ]}
                />
                <Choice
                  label="Team"
                  name="team"
                  options={known.map(({ name }) => ({ value: name, label: name }))}
                />
                <Button submit disabled={joining.isPending}>
                  Set
                </Button>
              </Form>
            </>
          )
        }
      </Loaded>
    </Section>
  )
}

function TeamTable({ items }: { items: Team[] }) {
  return (
    <Table
      label="Teams"
      rows={items}
      rowKey={({ name }) => name}
      columns={[
        { name: 'Team', cell: ({ name }) => name },
        { name: 'Members', cell: ({ members }) => members.join(', '), wrap: true },
        { name: 'Roles', cell: ({ grants }) => rolesText(grants), wrap: true },
      ]}
    />
  )
}
