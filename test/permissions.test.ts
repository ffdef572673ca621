import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { localOwner, type Actor } from '../src/kernel/actor.ts'
import { addressesOf, endpoints, mlflowApp } from '../src/protocols/mlflow/mlflow.ts'
import { allRoutes, createServerApp } from '../src/server/server.ts'
import { listCases, replay } from './conformance/replay.ts'
import { openTestContext, type TestContext } from './databases.ts'
import { projectNamed, userWithToken, withSignIn } from './people.ts'

const viewer: Actor = { id: 'user:v', kind: 'user', name: 'v', grants: { default: 'viewer' } }

/** Another number after every commit of the writer. */
async function commits({ db }: TestContext): Promise<number> {
  const { rows } = await sql<{ data_version: number }>`PRAGMA data_version`.execute(db.read)
  return rows[0]!.data_version
}

/** All that is stored of a project. */
async function rowsOf({ db }: TestContext, projectId: string): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'project_id'
    WHERE m.type = 'table' ORDER BY m.name`.execute(db.read)
  const contents: unknown[] = []
  for (const { name } of tables) {
    const { rows } = await sql`SELECT * FROM ${sql.table(name)} WHERE project_id = ${projectId}`.execute(
      db.read,
    )
    contents.push([name, rows])
  }
  return JSON.stringify(contents, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

function as(context: TestContext, actor: Actor): (request: Request) => Promise<Response> {
  const app = mlflowApp(context, () => actor)
  return async (request) => await app.request(request)
}

/** The paths that tell how the server is, and nothing of what it keeps. */
const TELLS_NOTHING = /\/(server-info|version|health)$/

it('An MLflow request that changes something is refused to a viewer, and tells nothing to who has no role', async () => {
  const changing = new Set<string>()
  for (const { name, steps } of listCases('mlflow')) {
    await using context = await openTestContext()
    const other = await projectNamed(context, 'other')
    const stranger: Actor = { ...viewer, id: 'user:s', grants: { [other]: 'admin' } }
    const [owner, view, strange] = [localOwner, viewer, stranger].map((actor) => as(context, actor))
    // The first look at the Default experiment makes it.
    await owner!(new Request('http://localhost/api/2.0/mlflow/experiments/get?experiment_id=0'))
    await replay(steps, async (request) => {
      const path = new URL(request.url).pathname
      const at = `${name}: ${request.method} ${path}`
      const before = await commits(context)
      const seen = await view!(request.clone())
      const told = await strange!(request.clone())
      expect(await commits(context), at).toBe(before)
      const isSigned = new URL(request.url).searchParams.has('signature')
      if (!TELLS_NOTHING.test(path) && !isSigned) expect(told.ok, `${at} answered ${told.status}`).toBe(false)
      const answer = await owner!(request)
      if ((await commits(context)) === before || isSigned) return answer
      expect(seen.status, at).toBe(403)
      changing.add(path)
      return answer
    })
  }
  expect(changing.size).toBeGreaterThan(30)
}, 600_000)

it('An MLflow request within one project reaches nothing of another', async () => {
  for (const { name, steps } of listCases('mlflow')) {
    await using context = await openTestContext()
    const other = await projectNamed(context, 'other')
    const owner = as(context, localOwner)
    const foreigner = as(context, { ...viewer, id: 'user:f', grants: { [other]: 'admin' } })
    const sent: Request[] = []
    await replay(steps, async (request) => {
      sent.push(request.clone())
      return await owner(request)
    })
    const before = await rowsOf(context, 'default')
    for (const request of sent) {
      const url = new URL(request.url)
      if (url.searchParams.has('signature')) continue
      url.pathname = `/p/other${url.pathname}`
      await foreigner(new Request(url, request))
    }
    expect((await rowsOf(context, 'default')) === before, name).toBe(true)
  }
}, 600_000)

it('Without a credential every route and every MLflow endpoint answers 401 where people must sign in', async () => {
  await using context = withSignIn(await openTestContext())
  const app = createServerApp(context)
  const open: string[] = []
  const call = async (method: string, path: string): Promise<void> => {
    const body = method === 'GET' ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }
    const response = await app.request(path, { method, ...body })
    if (response.status !== 401) open.push(`${method} ${path} ${response.status}`)
    else expect(response.headers.get('www-authenticate'), path).toBe('Bearer, Basic realm="Tidemill"')
    await response.body?.cancel()
  }
  const named = (path: string): string => path.replaceAll(/:\w+/g, 'x').replace(/\*$/, 'x')
  for (const prefix of ['', '/p/default']) {
    for (const { method, path, permission } of allRoutes())
      if (permission !== 'public') await call(method, `${prefix}/api/v1${named(path)}`)
    for (const endpoint of endpoints)
      for (const address of addressesOf(endpoint))
        for (const method of endpoint.methods) await call(method, prefix + named(address))
    await call('GET', `${prefix}/api/v1/events`)
  }
  await call('GET', '/metrics')
  expect(open).toEqual([])
  expect(allRoutes().flatMap(({ path, permission }) => (permission === 'public' ? [path] : []))).toEqual([
    '/sign-in',
    '/sign-in',
    '/sign-out',
    '/invites/read',
    '/invites/accept',
    '/server',
  ])
})

it('A route asks for its permission before it looks at anything else, and names of other projects stay unknown', async () => {
  await using context = withSignIn(await openTestContext())
  await projectNamed(context, 'other')
  const { token } = await userWithToken(context, 'ana', { default: 'viewer' })
  const nobody = await userWithToken(context, 'ben', {})
  const app = createServerApp(context)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const call = async (method: string, path: string, sent = headers) =>
    await app.request(path.replaceAll(/:\w+/g, 'x'), {
      method,
      headers: sent,
      ...(method !== 'GET' && { body: '{}' }),
    })
  await call('GET', '/api/v1/me')
  const before = await commits(context)
  for (const { method, path, permission } of allRoutes()) {
    if (permission === 'public' || permission === 'signed_in') continue
    const at = `${method} ${path}`
    if (permission !== 'view') expect((await call(method, `/api/v1${path}`)).status, at).toBe(403)
    const [hidden, missing] = await Promise.all(
      ['other', 'nowhere'].map(async (project) => await call(method, `/p/${project}/api/v1${path}`)),
    )
    expect([hidden!.status, missing!.status], at).toEqual([404, 404])
    expect((await hidden!.text()).replaceAll('other', 'nowhere')).toBe(await missing!.text())
    const none = { ...headers, authorization: `Bearer ${nobody.token}` }
    expect((await call(method, `/api/v1${path}`, none)).status, at).toBe(403)
  }
  const use = await commits(context)
  expect(use - before, 'no commit but the note that the second token was used').toBeLessThanOrEqual(1)
})

it('What is open to whoever is signed in changes nothing for a viewer, and lists nothing of others', async () => {
  await using context = withSignIn(await openTestContext())
  await projectNamed(context, 'other')
  const { token } = await userWithToken(context, 'ana', { default: 'viewer' })
  const ben = await userWithToken(context, 'ben', { default: 'viewer' })
  const app = createServerApp(context)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const bodies: Readonly<Record<string, object>> = {
    'POST /me/password': { current: 'x', password: 'a long enough password' },
    'POST /tokens': { name: 'x' },
    'POST /projects': { name: 'x' },
    'POST /users': { name: 'x' },
    'PATCH /users/:name': { disabled: true },
    'POST /users/:name/invite': {},
    'POST /teams': { name: 'x' },
  }
  await app.request('/api/v1/me', { headers })
  const before = await commits(context)
  for (const { method, path, permission } of allRoutes()) {
    if (permission !== 'signed_in' || method === 'GET') continue
    const at = `${method} ${path}`
    const address = `/api/v1${path.replace(':name', 'ben').replace(':id', ben.id).replace(':user', 'ben')}`
    const body = JSON.stringify(bodies[at] ?? {})
    expect([403, 404], at).toContain((await app.request(address, { method, headers, body })).status)
  }
  expect(await commits(context)).toBe(before)
  const get = async (path: string): Promise<string> =>
    await (await app.request(`/api/v1${path}`, { headers })).text()
  expect(await get('/projects')).not.toContain('other')
  expect(await get('/tokens')).not.toContain(ben.id)
  expect(JSON.parse(await get('/tokens?everybody=true'))).toMatchObject({ error: { code: 'denied' } })
  expect(JSON.parse(await get('/teams'))).toMatchObject({ error: { code: 'denied' } })
})
