import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { createModel, registerVersion } from '../registry/registry.ts'
import { createRun, getRun } from '../tracking/tracking.ts'
import { createServerApp } from './server.ts'

describeDatabases('comments and notes over HTTP', (open) => {
  const arrange = async () => {
    const context = await open()
    const caller = { projectId: PROJECT_ID, actor: localOwner }
    const run = await createRun(context, caller)
    await createModel(context, { ...caller, name: 'late' })
    await registerVersion(context, { ...caller, model: 'late', source: 'test' })
    const app = createServerApp(context)
    const ask = async (method: string, path: string, body?: object) => {
      const init = { method, ...(body && { body: JSON.stringify(body) }) }
      const response = await app.request(`/api/v1${path}`, init)
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    return { context, caller, run, ask }
  }

  test('a comment stands on a subject that exists, and on no other', async () => {
    const { run, ask } = await arrange()
    const post = (subjectType: string, subjectId: string) =>
      ask('POST', '/comments', { subjectType, subjectId, body: 'seen' })
    for (const [type, id] of [
      ['run', run.id],
      ['experiment', '0'],
      ['model', 'late'],
      ['model_version', 'late/1'],
    ] as const) {
      expect(await post(type, id), type).toMatchObject({
        status: 200,
        body: { author: 'owner', body: 'seen' },
      })
      const listed = await ask('GET', `/comments?subjectType=${type}&subjectId=${encodeURIComponent(id)}`)
      expect(listed.body['items']).toHaveLength(1)
    }
    for (const [type, id] of [
      ['run', '0'.repeat(32)],
      ['model', 'early'],
      ['model_version', 'late/2'],
      ['dataset', 'flights'],
    ] as const)
      expect((await post(type, id)).status, type).toBe(404)
    expect((await post('model_version', 'late')).status).toBe(400)
    expect((await post('weather', 'x')).status).toBe(400)
  })

  test('pages follow one another, and the last one says so', async () => {
    const { ask } = await arrange()
    for (const body of ['1', '2', '3'])
      await ask('POST', '/comments', { subjectType: 'model', subjectId: 'late', body })
    const path = '/comments?subjectType=model&subjectId=late&limit=2'
    const first = await ask('GET', path)
    const second = await ask('GET', `${path}&pageToken=${String(first.body['nextPageToken'])}`)
    expect(second.body).toMatchObject({ items: [{ body: '3' }] })
    expect(second.body).not.toHaveProperty('nextPageToken')
  })

  test('a note on a run is the tag that MLflow’s clients read', async () => {
    const { context, caller, run, ask } = await arrange()
    expect((await ask('PUT', `/runs/${run.id}/note`, { text: '*good*' })).status).toBe(200)
    const { tags } = await getRun(context, { ...caller, runId: run.id })
    expect(tags).toContainEqual({ key: 'mlflow.note.content', value: '*good*' })
    expect((await ask('PUT', `/runs/${run.id}/note`, { text: 'x'.repeat(8001) })).status).toBe(400)
    expect((await ask('PUT', '/experiments/0/note', { text: 'first tries' })).status).toBe(200)
    expect((await ask('PATCH', '/models/late/versions/1', { description: 'a *prior*' })).status).toBe(200)
    expect((await ask('GET', '/models/late/versions/1')).body['description']).toBe('a *prior*')
    expect((await ask('POST', '/markdown', { text: 'a *prior*' })).body['html']).toBe(
      '<p>a <em>prior</em></p>\n',
    )
  })
})
