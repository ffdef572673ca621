import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { createRun, logBatch } from '../tracking/tracking.ts'
import { compareRoutes } from './compare-routes.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

describeDatabases('curves', (open) => {
  it('of several runs come together, with what is not finite as null', async () => {
    const context = await open()
    const app = createApp({
      context,
      routes: compareRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const get = async (path: string) => await app.request(`/api/v1${path}`)
    const ids: string[] = []
    for (const value of [1, Number.NaN]) {
      const { id } = await createRun(context, caller)
      const metrics = [0, 1].map((step) => ({ key: 'loss', value: value + step, step, timestampMs: step }))
      await logBatch(context, { ...caller, runId: id, metrics })
      ids.push(id)
    }
    const answer = await get(`/run-curves?key=loss&runs=${ids.join(',')}`)
    const { curves } = (await answer.json()) as { curves: { runId: string; points: unknown[] }[] }
    expect(curves.map(({ runId }) => runId)).toEqual(ids)
    expect(curves.map(({ points }) => points)).toEqual([
      [
        [0, 0, 1],
        [1, 1, 2],
      ],
      [
        [0, 0, null],
        [1, 1, null],
      ],
    ])
    const many = Array.from({ length: 101 }, () => ids[0]).join(',')
    expect((await get(`/run-curves?key=loss&runs=${many}`)).status).toBe(400)
  })
})
