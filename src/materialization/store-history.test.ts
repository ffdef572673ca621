import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { insertMaterializationState, listMaterializationStates } from './store-history.ts'

const view = { view: 'busy', definitionHash: 'h' }

describeDatabases('what was online in a span', (open) => {
  it('begins with all states of the last moment before it, and ends with the one that followed', async () => {
    const context = await open()
    const written: [atMs: number, cursorMs: number, version: string][] = [
      [10, 10, 'v1'],
      // Two deliveries of one moment: a request that came later may have seen either.
      [20, 20, 'v2'],
      [20, 20, 'v3'],
      [30, 25, 'v3'],
      [40, 40, 'v4'],
      [50, 50, 'v5'],
    ]
    await context.db.write(async (trx) => {
      for (const [atMs, cursorMs, version] of written)
        await insertMaterializationState(trx, {
          project_id: PROJECT_ID,
          view: view.view,
          definition_hash: view.definitionHash,
          cursor_ms: cursorMs,
          dataset_version_id: version,
          rows: 1,
          newest_event_ms: null,
          next_event_ms: null,
          online_mark: null,
          updated_ms: atMs,
          created_ms: atMs,
        })
    })
    const between = async (fromMs: number, toMs: number) =>
      (await listMaterializationStates(context.db.read, { projectId: PROJECT_ID, view, fromMs, toMs })).map(
        ({ atMs, datasetVersionId }) => `${atMs} ${datasetVersionId}`,
      )
    const seen = await between(21, 35)
    expect(seen.slice(0, 2).toSorted()).toEqual(['20 v2', '20 v3'])
    expect(seen.slice(2)).toEqual(['30 v3', '40 v4'])
    expect(await between(5, 9)).toEqual(['10 v1'])
    expect(await between(60, 70)).toEqual(['50 v5'])
  })
})
