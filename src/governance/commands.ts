import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import { ApiClient } from '../http/api-client.ts'
import { listing, print, serverUrlOf, table, type CommandOptions } from '../http/command.ts'
import { ask, askSecret } from '../http/prompt.ts'
import { storeToken, tokensPath } from '../http/stored-tokens.ts'
import { roles } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { addAuditCommand } from './audit-command.ts'
import { openPeople, type PeopleOptions } from './people-api.ts'
import type { Grant, Team, Token, User } from './people-schema.ts'

const LOGIN_DAYS = 90

export function addPeopleCommands(program: Command): void {
  addLoginCommands(program)
  addAuditCommand(program)
  addUserCommands(program)
  addTeamCommands(program)
  addTokenCommands(program)
  const projects = withPeopleOptions(program.command('projects'))
    .description('the projects there are, with the role in each')
    .action(listProjects)
  withPeopleOptions(projects.command('add'))
    .description('add a project')
    .argument('<name>', 'its name')
    .action(async (name: string, options: PeopleOptions) =>
      change(options, `Added the project ${name}.`, (api) => api.post('/projects', { name })),
    )
}

function addLoginCommands(program: Command): void {
  const server = (): Option =>
    new Option('--server <url>', 'address of the server; default: the one of this folder')
  program
    .command('login')
    .description(
      'sign in at a server: makes an API token that the commands of this user send from now on; the password is asked for or read from standard input',
    )
    .addOption(server())
    .addOption(new Option('--name <user>', 'user name; default: it is asked for'))
    .addOption(new Option('--with-token', 'read an API token from standard input instead of a password'))
    .action(login)
  program
    .command('logout')
    .description('revoke the API token of the last login, and forget it')
    .addOption(server())
    .action(logout)
}

function addUserCommands(program: Command): void {
  const users = withPeopleOptions(program.command('users'))
    .description('people who may sign in')
    .action(listUsers)
  withPeopleOptions(users.command('add'))
    .description('add a user, and print a link by which the user sets a password')
    .argument('<name>', 'name to sign in with')
    .addOption(new Option('--admin', 'with the role admin for all projects'))
    .addOption(new Option('--role <role>', 'with this role in the project').choices([...roles]))
    .addOption(new Option('--email <address>', 'by which an identity provider may know the user'))
    .addOption(
      new Option('--password', 'ask for a password, or read it from standard input, instead of a link'),
    )
    .action(addUser)
  withPeopleOptions(users.command('invite'))
    .description('print a new link by which a user sets a password')
    .argument('<name>', 'name of the user')
    .action(async (name: string, options: PeopleOptions) => {
      await using people = await openPeople(options)
      const link = await inviteLink(people, name)
      print(options, { link }, () => link)
    })
  for (const [verb, disabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    withPeopleOptions(users.command(verb))
      .description(disabled ? 'end all sessions and tokens of a user' : 'let a disabled user sign in again')
      .argument('<name>', 'name of the user')
      .action(async (name: string, options: PeopleOptions) =>
        change(options, `${name} is ${verb}d.`, (api) =>
          api.request('PATCH', `/users/${encodeURIComponent(name)}`, { disabled }),
        ),
      )
  }
  addRoleCommand(users, 'user')
}

function addTeamCommands(program: Command): void {
  const teams = withPeopleOptions(program.command('teams'))
    .description('teams with their members and roles')
    .action(listTeams)
  withPeopleOptions(teams.command('add'))
    .description('add a team')
    .argument('<name>', 'its name')
    .action(async (name: string, options: PeopleOptions) =>
      change(options, `Added the team ${name}.`, (api) => api.post('/teams', { name })),
    )
  withPeopleOptions(teams.command('remove'))
    .description('remove a team with its roles')
    .argument('<name>', 'its name')
    .action(async (name: string, options: PeopleOptions) =>
      change(options, `Removed the team ${name}.`, (api) =>
        api.request('DELETE', `/teams/${encodeURIComponent(name)}`),
      ),
    )
  for (const [verb, method, summary] of [
    ['join', 'PUT', 'put a user into a team'],
    ['leave', 'DELETE', 'take a user out of a team'],
  ] as const) {
    withPeopleOptions(teams.command(verb))
      .description(summary)
      .argument('<team>', 'name of the team')
      .argument('<user>', 'name of the user')
      .action(async (team: string, user: string, options: PeopleOptions) =>
        change(options, `${user} ${verb === 'join' ? 'is now in' : 'is no longer in'} ${team}.`, (api) =>
          api.request(method, `/teams/${encodeURIComponent(team)}/members/${encodeURIComponent(user)}`),
        ),
      )
  }
  addRoleCommand(teams, 'team')
}

function addRoleCommand(parent: Command, type: 'user' | 'team'): void {
  withPeopleOptions(parent.command('role'))
    .description(`set the role of a ${type} in the project`)
    .argument('<name>', `name of the ${type}`)
    .argument('<role>', `${roles.join(', ')}, or none`)
    .addOption(new Option('--everywhere', 'for all projects, instead of one'))
    .action(async (name: string, role: string, options: PeopleOptions & { everywhere?: boolean }) =>
      change(options, `${name} is ${role} now.`, (api) => giveRole(api, { type, name, role, ...options })),
    )
}

function addTokenCommands(program: Command): void {
  const tokens = withPeopleOptions(program.command('tokens'))
    .description('API tokens: the own ones at a server, everybody’s in the data folder of this machine')
    .action(listTokens)
  withPeopleOptions(tokens.command('add'))
    .description('make an API token and print it, this once')
    .argument('<name>', 'what it is for')
    .addOption(new Option('--user <name>', 'whose it is; default: who calls'))
    .addOption(
      new Option('--role <role>', 'the highest role that it gives')
        .choices([...roles])
        .default('contributor'),
    )
    .addOption(new Option('--everywhere', 'for all projects that its user may enter, instead of one'))
    .addOption(new Option('--days <count>', 'days until it expires; default: never'))
    .action(addToken)
  withPeopleOptions(tokens.command('revoke'))
    .description('revoke an API token')
    .argument('<id>', 'its id')
    .action(async (id: string, options: PeopleOptions) =>
      change(options, `Revoked ${id}.`, (api) => api.request('DELETE', `/tokens/${encodeURIComponent(id)}`)),
    )
}

function withPeopleOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--server <url>',
        'work at this server; default: in the data folder of this machine, without a server',
      ),
    )
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--project <name>', 'project to work in').default('default'))
    .addOption(new Option('--json', 'print JSON instead of text'))
}

async function login(options: CommandOptions & { name?: string; withToken?: boolean }): Promise<void> {
  const server = serverUrlOf(options)
  const stored = options.withToken ? await givenToken(server) : await tokenByPassword(server, options.name)
  storeToken(server, stored, process.env)
  process.stdout.write(
    `Signed in at ${server} as ${stored.name}. The token is kept in ${tokensPath(process.env)}.\n`,
  )
}

async function givenToken(server: string): Promise<{ id: string; token: string; name: string }> {
  const token = await askSecret('API token: ')
  const api = new ApiClient(server, { authorization: `Bearer ${token}` })
  const { name } = await api.get<{ name: string }>('/me')
  return { id: '', token, name }
}

async function tokenByPassword(
  server: string,
  given: string | undefined,
): Promise<{ id: string; token: string; name: string }> {
  const name = given ?? (await ask('User name: '))
  const password = await askSecret('Password: ')
  const credential = Buffer.from(`${name}:${password}`).toString('base64')
  const api = new ApiClient(server, { authorization: `Basic ${credential}` })
  const body = { name: `login on ${hostname()}`, role: 'admin', expiresMs: Date.now() + LOGIN_DAYS * DAY_MS }
  return { ...(await api.post<{ id: string; token: string }>('/tokens', body)), name }
}

async function logout(options: CommandOptions): Promise<void> {
  const server = serverUrlOf(options)
  const stored = storeToken(server, undefined, process.env)
  if (!stored) throw new AppError('not_found', `Nobody is signed in at ${server}`)
  if (stored.id !== '') {
    const api = new ApiClient(server, { authorization: `Bearer ${stored.token}` })
    await api.request('DELETE', `/tokens/${stored.id}`)
  }
  process.stdout.write(`Signed out at ${server}.\n`)
}

async function listUsers(options: PeopleOptions): Promise<void> {
  await using people = await openPeople(options, { reads: true })
  const { items } = await people.api.get<{ items: User[] }>('/users')
  print(options, items, () =>
    listing(
      ['user', 'state', 'roles', 'teams'],
      items.map(({ name, state, grants, teams }) => [name, state, rolesText(grants), teams.join(', ')]),
      'Nobody yet: `tidemill users add <name>` adds a user.',
    ),
  )
}

async function addUser(
  name: string,
  options: PeopleOptions & { admin?: boolean; role?: string; email?: string; password?: boolean },
): Promise<void> {
  await using people = await openPeople(options)
  const { api } = people
  const password = options.password ? await askSecret(`Password of ${name}: `) : undefined
  await api.post('/users', { name, ...(options.email !== undefined && { email: options.email }) })
  const user = { type: 'user', name } as const
  if (options.admin) await giveRole(api, { ...user, role: 'admin', everywhere: true })
  if (options.role !== undefined) await giveRole(api, { ...user, role: options.role })
  if (password !== undefined) {
    const { secret } = await api.post<{ secret: string }>(`/users/${encodeURIComponent(name)}/invite`)
    await api.post('/invites/accept', { secret, password })
    return print(options, { name }, () => `Added ${name}.`)
  }
  const link = await inviteLink(people, name)
  print(
    options,
    { name, link },
    () => `Added ${name}. This link sets a password, once, within a week:\n${link}`,
  )
}

async function inviteLink({ api, url }: { api: ApiClient; url: string }, name: string): Promise<string> {
  const { secret } = await api.post<{ secret: string }>(`/users/${encodeURIComponent(name)}/invite`)
  return `${url}/invite#${secret}`
}

async function giveRole(
  api: ApiClient,
  {
    type,
    name,
    role,
    everywhere = false,
  }: { type: string; name: string; role: string; everywhere?: boolean },
): Promise<void> {
  const body = { role: role === 'none' ? null : role, everywhere }
  await api.request('PUT', `/members/${type}/${encodeURIComponent(name)}`, body)
}

async function listTeams(options: PeopleOptions): Promise<void> {
  await using people = await openPeople(options, { reads: true })
  const { items } = await people.api.get<{ items: Team[] }>('/teams')
  print(options, items, () =>
    listing(
      ['team', 'members', 'roles'],
      items.map(({ name, members, grants }) => [name, members.join(', '), rolesText(grants)]),
      'No teams yet: `tidemill teams add <name>` adds one.',
    ),
  )
}

function rolesText(grants: readonly Grant[]): string {
  return grants
    .map(({ project, role }) => `${role} ${project === '*' ? 'everywhere' : `in ${project}`}`)
    .join(', ')
}

async function listTokens(options: PeopleOptions): Promise<void> {
  await using people = await openPeople(options, { reads: true })
  const everybody = options.server === undefined
  const { items } = await people.api.get<{ items: Token[] }>(`/tokens?everybody=${everybody}`)
  print(options, items, () =>
    listing(
      ['id', 'user', 'name', 'role', 'project', 'expires', 'last used'],
      items.map((token) => [
        token.id,
        token.user,
        token.name,
        token.role,
        token.project,
        token.expiresMs === null ? 'never' : day(token.expiresMs),
        token.usedMs === null ? 'never' : day(token.usedMs),
      ]),
      'No tokens yet: `tidemill tokens add <name>` makes one.',
    ),
  )
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

async function addToken(
  name: string,
  options: PeopleOptions & { user?: string; role: string; everywhere?: boolean; days?: string },
): Promise<void> {
  await using people = await openPeople(options)
  const days = options.days === undefined ? undefined : Number(options.days)
  if (days !== undefined && !(days > 0)) throw new AppError('invalid', '--days must be a number above 0')
  const made = await people.api.post<{ id: string; token: string }>('/tokens', {
    name,
    role: options.role,
    project: options.everywhere ? '*' : options.project,
    ...(options.user !== undefined && { user: options.user }),
    ...(days !== undefined && { expiresMs: Math.round(Date.now() + days * DAY_MS) }),
  })
  print(options, made, () => made.token)
}

async function listProjects(options: PeopleOptions): Promise<void> {
  await using people = await openPeople(options, { reads: true })
  const { items } = await people.api.get<{ items: { name: string; role: string }[] }>('/projects')
  print(options, items, () =>
    table(
      ['project', 'role'],
      items.map(({ name, role }) => [name, role]),
    ),
  )
}

async function change(
  options: PeopleOptions,
  said: string,
  work: (api: ApiClient) => Promise<unknown>,
): Promise<void> {
  await using people = await openPeople(options)
  await work(people.api)
  print(options, {}, () => said)
}
