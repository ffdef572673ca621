import { expect, it } from 'vitest'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { routes } from './routes.ts'
import { createRun } from './runs.ts'
import { putRunArtifact } from './artifacts.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

function appOf(context: TestContext) {
  const app = createApp({
    context,
    routes,
    authenticate: async () => localOwner,
    resolveProject: async () => PROJECT_ID,
  })
  return async (path: string) => await app.request(`/api/v1${path}`)
}

describeDatabases('artifacts in a browser', (open) => {
  it('never come as a page of this site: an origin of their own, no scripts, saved unless asked for', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const bytes = new TextEncoder().encode('<script>alert(1)</script>')
    for (const path of ['report.html', 'plots/a.svg', 'model.pkl'])
      await putRunArtifact(context, { ...caller, runId: run.id, path, content: { bytes } })
    const get = appOf(context)
    for (const path of ['report.html', 'plots/a.svg', 'model.pkl']) {
      const answer = await get(`/runs/${run.id}/artifact?path=${path}&inline=true`)
      expect(answer.status).toBe(200)
      const policy = answer.headers.get('content-security-policy')!
      expect(policy).toContain('sandbox;')
      expect(policy).toContain("default-src 'none'")
      expect(policy).not.toMatch(/allow-(scripts|same-origin)|script-src/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await answer.text()).toBe('<script>alert(1)</script>')
    }
    const saved = await get(`/runs/${run.id}/artifact?path=report.html`)
    expect(saved.headers.get('content-disposition')).toMatch(/^attachment; filename\*=UTF-8''report\.html$/)
    expect((await get(`/runs/${run.id}/artifact?path=model.pkl`)).headers.get('content-type')).toBe(
      'application/octet-stream',
    )
  })

  it('are read in part from the start and from the end, and say how large the whole is', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const content = { bytes: new TextEncoder().encode('abcdefghij') }
    await putRunArtifact(context, { ...caller, runId: run.id, path: 'out.log', content })
    await putRunArtifact(context, {
      ...caller,
      runId: run.id,
      path: 'empty',
      content: { bytes: new Uint8Array() },
    })
    const get = appOf(context)
    const first = await get(`/runs/${run.id}/artifact?path=out.log&first=3`)
    expect(await first.text()).toBe('abc')
    expect(first.headers.get('x-size')).toBe('10')
    expect(await (await get(`/runs/${run.id}/artifact?path=out.log&last=4`)).text()).toBe('ghij')
    expect(await (await get(`/runs/${run.id}/artifact?path=out.log&last=400`)).text()).toBe('abcdefghij')
    expect(await (await get(`/runs/${run.id}/artifact?path=empty`)).text()).toBe('')
  })

  it('stay inside the folder of the run', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const other = await createRun(context, caller)
    const content = { bytes: new TextEncoder().encode('secret') }
    await putRunArtifact(context, { ...caller, runId: other.id, path: 'secret.txt', content })
    const get = appOf(context)
    for (const path of [`../../${other.id}/artifacts/secret.txt`, '/etc/passwd', '..%2Fsecret', 'a%00b'])
      expect((await get(`/runs/${run.id}/artifact?path=${path}`)).status).toBe(400)
    expect((await get(`/runs/${run.id}/artifact?path=secret.txt`)).status).toBe(404)
    expect((await get('/runs/none/artifact?path=a')).status).toBe(404)
  })
})
