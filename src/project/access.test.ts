import { expect, it } from 'vitest'
import { describeDatabases } from '../../test/databases.ts'
import { userWithToken, withSignIn } from '../../test/people.ts'
import { createServerApp } from '../server/server.ts'

const DOCUMENT = {
  definition: {
    name: 'shop',
    data: { datasets: [] },
    features: { entities: [], views: [], onDemand: [], services: [] },
    registry: { models: [] },
    pipelines: { pipelines: [], steps: [] },
    serving: { deployments: [] },
    monitoring: { monitors: [] },
  },
  snapshot: { format: 1, files: {} },
  directory: '/nowhere',
}

describeDatabases('applying a project', (open) => {
  it('is for maintainers where people sign in; who contributes is told so, and nothing is stored', async () => {
    const context = withSignIn(await open())
    const app = createServerApp(context)
    const apply = async (token: string): Promise<{ status: number; body: unknown }> => {
      const response = await app.request('/api/v1/project-versions', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(DOCUMENT),
      })
      return { status: response.status, body: await response.json() }
    }
    const ben = await userWithToken(context, 'ben', { default: 'contributor' })
    expect(await apply(ben.token)).toMatchObject({
      status: 403,
      body: { error: { message: 'ben may not do this: it needs the role maintainer in the project' } },
    })
    expect(await context.db.read.selectFrom('project_version').select('id').execute()).toEqual([])
    const ana = await userWithToken(context, 'ana', { default: 'maintainer' })
    expect(await apply(ana.token)).toMatchObject({ status: 200, body: { created: true } })
  })

  it('needs nobody to sign in on a laptop', async () => {
    const app = createServerApp(await open())
    const response = await app.request('/api/v1/project-versions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(DOCUMENT),
    })
    expect(response.status).toBe(200)
  })
})
