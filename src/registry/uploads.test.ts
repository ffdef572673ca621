import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { receiveUpload } from './uploads.ts'

describeDatabases('uploads', (open) => {
  it('are kept up to a number for each project, and those of a day ago count no more', async () => {
    const context = await open()
    const send = async (projectId: string) =>
      await receiveUpload(context, {
        projectId,
        actor: localOwner,
        body: (async function* () {
          yield new Uint8Array([1])
        })(),
        declaredBytes: 1,
      })
    const nowMs = await context.db.wallTime()
    const row = (id: number) => ({
      id: `u${id}`,
      project_id: PROJECT_ID,
      sha256: 'x',
      size_bytes: 1,
      created_ms: nowMs,
    })
    for (let start = 0; start < 2_000; start += 500)
      await context.db.write((trx) =>
        trx
          .insertInto('upload')
          .values(Array.from({ length: 500 }, (_, at) => row(start + at)))
          .execute(),
      )
    await expect(send(PROJECT_ID)).rejects.toMatchObject({ code: 'conflict' })
    expect(await send('other')).toMatchObject({ sizeBytes: 1 })
    await context.db.write((trx) =>
      trx
        .updateTable('upload')
        .set({ created_ms: nowMs - 25 * 3_600_000 })
        .where('id', '=', 'u0')
        .execute(),
    )
    expect(await send(PROJECT_ID)).toMatchObject({ sizeBytes: 1 })
  })
})
