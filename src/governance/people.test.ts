import { expect, test } from 'vitest'
import { describeDatabases, type TestContext } from '../../test/databases.ts'
import { projectNamed, userWithToken, withSignIn } from '../../test/people.ts'
import { localOwner, requirePermission, type Actor } from '../kernel/actor.ts'
import type { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { countAdmins, listTokenAccess } from './access.ts'
import { Authenticator, requireSomeAdmin } from './authenticate.ts'
import { setRole } from './grants.ts'
import { acceptInvite, changePassword, invite, readInvite } from './invites.ts'
import { userName } from './people-schema.ts'
import { enterProject, listProjects } from './projects.ts'
import { beginSession, endSession } from './sessions.ts'
import { checkPassword } from './sign-in.ts'
import { addTeam, removeTeam, setMembership } from './teams.ts'
import { addToken, listTokens, removeToken } from './tokens.ts'
import { addUser, listUsers, setDisabled } from './users.ts'

const actor = localOwner
const PASSWORD = 'a long enough password'

function request(headers: Record<string, string> = {}, method = 'GET'): Request {
  return new Request('http://localhost/', { method, headers })
}

const bearer = (token: string): Request => request({ authorization: `Bearer ${token}` })
const basic = (name: string, password: string): Request =>
  request({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` })
const cookie = (session: string, method = 'GET', more: Record<string, string> = {}): Request =>
  request({ cookie: `tidemill_session=${session}`, ...more }, method)

async function who(context: TestContext, sent: Request): Promise<Actor> {
  return await new Authenticator(context).authenticate(sent, 'here')
}

/** A user with a password and a session. */
async function withPassword(context: TestContext, name: string): Promise<string> {
  await addUser(context, { actor, name })
  const { secret } = await invite(context, { actor, name })
  return (await acceptInvite(context, { secret, password: PASSWORD, address: '' })).session
}

describeDatabases('users, teams and roles', (open) => {
  test('a user has the highest of the own roles, those of the teams, and those for all projects', async () => {
    const context = withSignIn(await open())
    const a = await projectNamed(context, 'a')
    const b = await projectNamed(context, 'b')
    const { token } = await userWithToken(context, 'ana', { [a]: 'viewer', [b]: 'maintainer' })
    await addTeam(context, { actor, name: 'core' })
    await setRole(context, { actor, projectId: a, type: 'team', name: 'core', role: 'contributor' })
    await setRole(context, { actor, projectId: '*', type: 'team', name: 'core', role: 'viewer' })
    expect((await who(context, bearer(token))).grants).toEqual({ [a]: 'viewer', [b]: 'maintainer' })
    await setMembership(context, { actor, name: 'core', user: 'ANA', member: true })
    const ana = await who(context, bearer(token))
    expect(() => requirePermission(ana, 'contribute', a)).not.toThrow()
    expect(() => requirePermission(ana, 'maintain', b)).not.toThrow()
    expect(() => requirePermission(ana, 'view', 'default')).not.toThrow()
    expect(() => requirePermission(ana, 'contribute', 'default')).toThrow('contributor')
    await removeTeam(context, { actor, name: 'core' })
    expect((await who(context, bearer(token))).grants).toEqual({ [a]: 'viewer', [b]: 'maintainer' })
  })

  test('a name is one whatever its case, and those of no user are reserved', async () => {
    const context = await open()
    expect(['Ana', ' ana '].map((name) => userName.parse(name))).toEqual(['ana', 'ana'])
    for (const name of ['Owner', 'anonymous', 'team:core', 'a b', '', '.', 'аna', 'a/b'])
      expect(userName.safeParse(name).success, name).toBe(false)
    await addUser(context, { actor, name: 'ana' })
    await expect(addUser(context, { actor, name: 'ana' })).rejects.toMatchObject({ code: 'already_exists' })
  })

  test('the last admin stays: neither role, team nor user can be taken away', async () => {
    const context = await open()
    await userWithToken(context, 'ana', {})
    await addTeam(context, { actor, name: 'core' })
    await setMembership(context, { actor, name: 'core', user: 'ana', member: true })
    const role = { actor, projectId: '*', type: 'team', name: 'core' } as const
    await setRole(context, { ...role, role: 'admin' })
    const refused = { code: 'conflict' }
    await expect(setRole(context, { ...role, role: null })).rejects.toMatchObject(refused)
    await expect(removeTeam(context, { actor, name: 'core' })).rejects.toMatchObject(refused)
    await expect(setDisabled(context, { actor, name: 'ana', disabled: true })).rejects.toMatchObject(refused)
    await expect(
      setMembership(context, { actor, name: 'core', user: 'ana', member: false }),
    ).rejects.toMatchObject(refused)
    await userWithToken(context, 'ben', { '*': 'admin' })
    await setDisabled(context, { actor, name: 'ana', disabled: true })
  })

  test('of two admins who disable each other at the same time one stays', async () => {
    const context = await open()
    const names = ['ana', 'ben']
    for (const name of names) await userWithToken(context, name, { '*': 'admin' })
    // Connections are open before, so that both begin at once.
    await Promise.all(names.map(() => context.db.wallTime()))
    const ended = await Promise.allSettled(
      names.map((name) => setDisabled(context, { actor, name, disabled: true })),
    )
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await countAdmins(context.db.read)).toBe(1)
  })

  test('an address is that of one user', async () => {
    const context = await open()
    await addUser(context, { actor, name: 'ana', email: 'ana@example.org' })
    const twice = addUser(context, { actor, name: 'anna', email: 'ana@example.org' })
    await expect(twice).rejects.toMatchObject({ code: 'already_exists' })
  })

  test('an admin of one project gives roles there, and sees nothing of others', async () => {
    const context = withSignIn(await open())
    const a = await projectNamed(context, 'a')
    const b = await projectNamed(context, 'b')
    const { token } = await userWithToken(context, 'ana', { [a]: 'admin' })
    await userWithToken(context, 'ben', { [b]: 'viewer' })
    const ana = await who(context, bearer(token))
    await setRole(context, { actor: ana, projectId: a, type: 'user', name: 'ben', role: 'viewer' })
    const role = { actor: ana, type: 'user', name: 'ana', role: 'admin' } as const
    for (const projectId of [b, '*', 'default'])
      await expect(setRole(context, { ...role, projectId })).rejects.toMatchObject({ code: 'denied' })
    await expect(addUser(context, { actor: ana, name: 'eve' })).rejects.toMatchObject({ code: 'denied' })
    const users = await listUsers(context, { actor: ana, projectId: a })
    expect(users.find(({ name }) => name === 'ben')!.grants).toEqual([{ project: 'a', role: 'viewer' }])
    expect((await listProjects(context, { actor: ana })).map(({ name }) => name)).toEqual(['a'])
    expect(await enterProject(context, 'a', ana)).toBe(a)
    await expect(enterProject(context, 'b', ana)).rejects.toMatchObject({ message: 'There is no project b' })
    await expect(enterProject(context, 'c', ana)).rejects.toMatchObject({ message: 'There is no project c' })
  })
})

describeDatabases('API tokens', (open) => {
  test('a token gives no more than its role, its project and its user’s roles of now', async () => {
    const context = withSignIn(await open())
    const a = await projectNamed(context, 'a')
    await userWithToken(context, 'ana', { '*': 'maintainer' })
    const input = { actor, user: 'ana', name: 'ci', expiresMs: null } as const
    const { token } = await addToken(context, { ...input, role: 'admin', projectId: a })
    expect(await who(context, bearer(token))).toMatchObject({ kind: 'token', grants: { [a]: 'maintainer' } })
    const low = await addToken(context, { ...input, role: 'viewer', projectId: '*' })
    expect((await who(context, basic('whoever', low.token))).grants).toEqual({ '*': 'viewer' })
    await setRole(context, { actor, projectId: '*', type: 'user', name: 'ana', role: null })
    expect((await who(context, bearer(token))).grants).toEqual({})
    expect(await who(context, bearer(token))).toMatchObject({
      id: (await who(context, bearer(low.token))).id,
    })
  })

  test('an unknown, expired or revoked token is refused, also where nobody has to sign in', async () => {
    const context = await open()
    const { id, token } = await userWithToken(context, 'ana', { default: 'viewer' })
    expect(await who(context, request())).toEqual(localOwner)
    expect(await who(context, bearer(token))).toMatchObject({ name: 'ana', grants: { default: 'viewer' } })
    const refused = { code: 'unauthenticated' }
    await expect(who(context, bearer(`${token}x`))).rejects.toMatchObject(refused)
    await expect(who(context, bearer(token.toLowerCase()))).rejects.toMatchObject(refused)
    const input = { actor, user: 'ana', name: 'short', role: 'viewer', projectId: '*' } as const
    await expect(addToken(context, { ...input, expiresMs: 5 })).rejects.toMatchObject({ code: 'invalid' })
    const short = await addToken(context, { ...input, expiresMs: Date.now() + 3_600_000 })
    expect((await who(context, bearer(short.token))).name).toBe('ana')
    await context.db.write((trx) =>
      trx.updateTable('api_token').set({ expires_ms: Date.now() }).where('name', '=', 'short').execute(),
    )
    await expect(who(context, bearer(short.token))).rejects.toMatchObject(refused)
    await removeToken(context, { actor, id })
    await expect(who(context, bearer(token))).rejects.toMatchObject(refused)
    await expect(removeToken(context, { actor, id })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('the secret is stored as its hash alone, and its use is noted', async () => {
    const context = await open()
    const { token } = await userWithToken(context, 'ana', {})
    await who(context, bearer(token))
    const rows = await context.db.read.selectFrom('api_token').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(rows[0]!.secret_hash).toBe(sha256(token))
    expect((await listTokens(context, { actor, everybody: true }))[0]!.usedMs).toBeGreaterThan(0)
    const log = JSON.stringify(await context.db.read.selectFrom('audit').selectAll().execute())
    expect(log).toContain('people.add_token')
    expect(log).not.toContain(token)
  })

  test('a token makes no token, and revokes those of its own user alone', async () => {
    const context = await open()
    const ana = await userWithToken(context, 'ana', { '*': 'contributor' })
    const ben = await userWithToken(context, 'ben', {})
    const actorOfAna = await who(context, bearer(ana.token))
    const input = { actor: actorOfAna, name: 'x', role: 'viewer', projectId: '*', expiresMs: null } as const
    await expect(addToken(context, input)).rejects.toMatchObject({ code: 'denied' })
    await expect(removeToken(context, { actor: actorOfAna, id: ben.id })).rejects.toMatchObject({
      code: 'not_found',
    })
    await removeToken(context, { actor: actorOfAna, id: ana.id })
  })

  test('gateways are told what holds, and no more', async () => {
    const context = await open()
    const { token } = await userWithToken(context, 'ana', { default: 'contributor' })
    const ben = await userWithToken(context, 'ben', { default: 'viewer' })
    await userWithToken(context, 'eve', { default: 'viewer' })
    await setDisabled(context, { actor, name: 'eve', disabled: true })
    await removeToken(context, { actor, id: ben.id })
    expect(await listTokenAccess(context.db.read)).toMatchObject([
      { hash: sha256(token), name: 'ana', grants: { default: 'contributor' }, expiresMs: null },
    ])
  })
})

describeDatabases('signing in', (open) => {
  test('an invite sets a password once, and a new one replaces it', async () => {
    const context = withSignIn(await open())
    await addUser(context, { actor, name: 'ana' })
    const first = await invite(context, { actor, name: 'ana' })
    const { secret } = await invite(context, { actor, name: 'ana' })
    await expect(readInvite(context, first)).rejects.toMatchObject({ code: 'not_found' })
    expect(await readInvite(context, { secret })).toMatchObject({ name: 'ana' })
    const { session } = await acceptInvite(context, { secret, password: PASSWORD, address: '' })
    expect(await who(context, cookie(session))).toMatchObject({ name: 'ana', kind: 'user' })
    const again = acceptInvite(context, { secret, password: PASSWORD, address: '' })
    await expect(again).rejects.toMatchObject({ code: 'not_found' })
    expect(await who(context, basic('ANA', PASSWORD))).toMatchObject({ name: 'ana' })
    await expect(who(context, basic('ana', `${PASSWORD} `))).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  test('an unknown name, a wrong password and a disabled user are refused with the same words', async () => {
    const context = withSignIn(await open())
    await withPassword(context, 'ana')
    await withPassword(context, 'eve')
    await setDisabled(context, { actor, name: 'eve', disabled: true })
    const refusals = await Promise.allSettled([
      who(context, basic('nobody', PASSWORD)),
      who(context, basic('ana', 'another password')),
      who(context, basic('eve', PASSWORD)),
    ])
    const messages = refusals.map((each) => (each.status === 'rejected' ? String(each.reason) : 'let in'))
    expect(new Set(messages)).toEqual(new Set(['AppError: The user name or the password is wrong']))
  })

  test('after eight failures from one address no password is looked at, and others may still sign in', async () => {
    const context = withSignIn(await open())
    await withPassword(context, 'ana')
    const from = async (address: string, password: string): Promise<Actor> =>
      await new Authenticator(context).authenticate(basic('ana', password), address)
    for (let i = 0; i < 8; i++)
      await expect(from('one', `wrong ${i}`)).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(from('one', PASSWORD)).rejects.toMatchObject({ code: 'denied' })
    expect(await from('two', PASSWORD)).toMatchObject({ name: 'ana' })
    const failed = await context.db.read
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'people.sign_in_failed')
      .execute()
    expect(failed).toHaveLength(8)
  }, 60_000)

  test('guesses that come at once are limited as those one after another, also of who is signed in', async () => {
    const context = withSignIn(await open())
    const session = await withPassword(context, 'ana')
    const guess = { name: 'ana', address: 'one' }
    const guesses = Array.from({ length: 30 }, (_, at) =>
      checkPassword(context, { ...guess, password: `a wrong guess ${at}` }).catch(
        (error: unknown) => (error as AppError).code,
      ),
    )
    const told = await Promise.all(guesses)
    expect(told.filter((code) => code === 'unauthenticated')).toHaveLength(8)
    expect(told.filter((code) => code === 'denied')).toHaveLength(22)
    const change = { actor: await who(context, cookie(session)), password: PASSWORD, address: 'one' }
    await expect(changePassword(context, { ...change, current: PASSWORD })).rejects.toThrow(
      'Too many failed sign-ins',
    )
    await changePassword(context, { ...change, current: PASSWORD, address: 'two' })
    expect(await checkPassword(context, { ...guess, password: PASSWORD, address: 'two' })).toBeDefined()
  }, 60_000)

  test('clients that begin together with one password are all let in', async () => {
    const context = withSignIn(await open())
    await withPassword(context, 'ana')
    const authenticator = new Authenticator(context)
    const actors = Array.from(
      { length: 30 },
      async () => await authenticator.authenticate(basic('ana', PASSWORD), 'one'),
    )
    expect((await Promise.all(actors)).every(({ name }) => name === 'ana')).toBe(true)
  }, 60_000)

  test('a session ends with its sign-out, a new password and the disabling of its user', async () => {
    const context = withSignIn(await open())
    const refused = { code: 'unauthenticated' }
    const first = await withPassword(context, 'ana')
    await userWithToken(context, 'ben', { '*': 'admin' })
    await endSession(context, first)
    await expect(who(context, cookie(first))).rejects.toMatchObject(refused)
    const begin = async (): Promise<string> => {
      const { id } = await context.db.read
        .selectFrom('user')
        .select('id')
        .where('name', '=', 'ana')
        .executeTakeFirstOrThrow()
      return await context.db.write((trx) =>
        beginSession(trx, { userId: id, name: 'ana', how: 'password', address: '' }),
      )
    }
    const second = await begin()
    const ana = await who(context, cookie(second))
    const change = { actor: ana, password: 'another long password', address: '' }
    await expect(changePassword(context, { ...change, current: 'wrong' })).rejects.toMatchObject({
      code: 'denied',
    })
    const { session } = await changePassword(context, { ...change, current: PASSWORD })
    await expect(who(context, cookie(second))).rejects.toMatchObject(refused)
    expect(await who(context, cookie(session))).toMatchObject({ name: 'ana' })
    await setDisabled(context, { actor, name: 'ana', disabled: true })
    await expect(who(context, cookie(session))).rejects.toMatchObject(refused)
  })

  test('a forged, an expired and a foreign cookie are nobody', async () => {
    const context = withSignIn(await open())
    const session = await withPassword(context, 'ana')
    for (const forged of ['', 'x', sha256(session), session.slice(0, -1), session.toUpperCase()])
      await expect(who(context, cookie(forged)), forged).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(who(context, cookie(session, 'POST'))).rejects.toMatchObject({ code: 'denied' })
    const foreign = cookie(session, 'POST', { host: 'localhost', origin: 'http://evil.example' })
    await expect(who(context, foreign)).rejects.toMatchObject({ code: 'denied' })
    const own = cookie(session, 'POST', { host: 'localhost', origin: 'http://localhost' })
    expect(await who(context, own)).toMatchObject({ name: 'ana' })
    await context.db.write((trx) => trx.updateTable('session').set({ expires_ms: 5 }).execute())
    await expect(who(context, cookie(session))).rejects.toMatchObject({ code: 'unauthenticated' })
    const onLaptop = { ...context, config: { ...context.config, signIn: 'auto' } } as TestContext
    expect(await who(onLaptop, cookie(session))).toEqual(localOwner)
  })

  test('a process that others reach refuses to start before there is an admin', async () => {
    const context = await open()
    await requireSomeAdmin(context)
    const open2 = withSignIn(context, { host: '0.0.0.0' })
    await expect(requireSomeAdmin(open2)).rejects.toThrow('tidemill users add NAME --admin')
    await userWithToken(context, 'ana', { default: 'admin' })
    await expect(requireSomeAdmin(open2)).rejects.toMatchObject({ code: 'invalid' })
    await userWithToken(context, 'ben', { '*': 'admin' })
    await requireSomeAdmin(open2)
  })
})
