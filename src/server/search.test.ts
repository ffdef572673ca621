import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { createModel } from '../registry/registry.ts'
import { createExperiment, createRun } from '../tracking/tracking.ts'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { searchEverything } from './search.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

describeDatabases('search of everything', (open) => {
  it('puts what is called so first, then what begins so, runs after what people named, runs with the word in a tag last', async () => {
    const context = await open()
    await createExperiment(context, { ...caller, name: 'why-late' })
    await createExperiment(context, { ...caller, name: 'late-sweep' })
    await createModel(context, { ...caller, name: 'late' })
    await createRun(context, { ...caller, name: 'late-otter', startMs: 1 })
    await createRun(context, {
      ...caller,
      name: 'calm-heron',
      tags: [{ key: 'about', value: 'late flights' }],
    })
    const search = async (text: string) =>
      (await searchEverything(context, { ...caller, text, limit: 10 })).map(
        ({ kind, name }) => `${kind} ${name}`,
      )
    expect(await search('late')).toEqual([
      'model late',
      'experiment late-sweep',
      'run late-otter',
      'experiment why-late',
      'run calm-heron',
    ])
    expect(await search('sweep late')).toEqual(['experiment late-sweep'])
    expect(await search('LATE ott')).toEqual(['run late-otter'])
    expect(await search("' or 1=1 --")).toEqual([])
    expect(await search(' ')).toEqual([])
  })
})
