import { expect, it } from 'vitest'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { routes as trackingRoutes } from '../tracking/routes.ts'
import { routes } from './routes.ts'
import { createRun, setExperimentTag, setRunsLifecycle } from '../tracking/tracking.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

describeDatabases('experiments over REST', (open) => {
  it('are made, renamed, deleted with their runs and restored; the table says what they hold', async () => {
    const context = await open()
    const app = createApp({
      context,
      routes: [...routes, ...trackingRoutes],
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
      const answer = await app.request(`/api/v1${path}`, {
        method,
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      return (await answer.json()) as T
    }
    const { id } = await call<{ id: string }>('POST', '/experiments', { name: 'Late flights' })
    const again = await call<{ error: { code: string } }>('POST', '/experiments', { name: 'Late flights' })
    expect(again.error.code).toBe('already_exists')
    for (const startMs of [5, 9, 7]) await createRun(context, { ...caller, experimentId: id, startMs })
    const { id: gone } = await createRun(context, { ...caller, experimentId: id, startMs: 11 })
    await setRunsLifecycle(context, { ...caller, runIds: [gone], lifecycle: 'deleted' })
    context.clock.advance(1000)
    await setExperimentTag(context, { ...caller, id, tag: { key: 'mlflow.note.content', value: '**why**' } })
    await call('PATCH', `/experiments/${id}`, { name: 'Late' })
    const table = (query: string) => call<{ items: object[] }>('GET', `/experiment-table${query}`)
    expect((await table('?containing=LA')).items).toMatchObject([
      { id, name: 'Late', runs: 3, lastRunMs: 9, note: '**why**' },
    ])
    expect((await table('')).items).toHaveLength(2)
    await call('POST', `/experiments/${id}/lifecycle`, { lifecycle: 'deleted' })
    expect((await table('?containing=late')).items).toEqual([])
    expect((await table('?lifecycle=deleted')).items).toMatchObject([{ id, runs: 4 }])
    await call('POST', `/experiments/${id}/lifecycle`, { lifecycle: 'active' })
    expect((await table('?containing=late')).items).toMatchObject([{ id, runs: 3 }])
  })
})
