import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { localOwner, requirePermission } from '../kernel/actor.ts'
import { audit, listDecisions, recordDecision, resolveProject, searchAudit } from './governance.ts'
import { endDrill, startDrill } from './drills.ts'
import { findBrokenSeal, sealAudit } from './seal.ts'

describeDatabases('the audit log', (open) => {
  test('rows are chained by hash, and a changed row is found', async () => {
    const context = await open()
    for (const subject of ['a', 'b', 'c']) {
      await context.db.write((trx) =>
        audit(trx, { projectId: PROJECT_ID, actor: localOwner, action: 'test.did', subject }),
      )
    }
    expect(await sealAudit(context)).toBe(3)
    expect(await sealAudit(context)).toBe(0)
    expect(await findBrokenSeal(context)).toBeUndefined()
    await context.db.write((trx) =>
      trx.updateTable('audit').set({ subject: 'x' }).where('subject', '=', 'b').execute(),
    )
    expect(await findBrokenSeal(context)).toBe(2)
  })

  test('a backlog of more rows than one piece is sealed at once, in order', async () => {
    const context = await open()
    for (let start = 0; start < 1_200; start += 400) {
      await context.db.write(async (trx) => {
        for (let row = start; row < start + 400; row++)
          await audit(trx, {
            projectId: PROJECT_ID,
            actor: localOwner,
            action: 'test.did',
            subject: `${row}`,
          })
      })
    }
    expect(await sealAudit(context)).toBe(1_200)
    expect(await findBrokenSeal(context)).toBeUndefined()
  })

  test('an entry is written or lost together with the change it tells of', async () => {
    const context = await open()
    const failing = context.db.write(async (trx) => {
      await audit(trx, { projectId: PROJECT_ID, actor: localOwner, action: 'test.did', subject: 'a' })
      throw new Error('the change failed')
    })
    await expect(failing).rejects.toThrow('the change failed')
    expect(await sealAudit(context)).toBe(0)
  })
})

describeDatabases('decisions', (open) => {
  test('a decision keeps its sentence, its numbers and whether it was injected', async () => {
    const context = await open()
    await context.db.write((trx) =>
      recordDecision(trx, {
        projectId: PROJECT_ID,
        kind: 'gate',
        subjectType: 'model_version',
        subjectId: 'late/2',
        verdict: 'fail',
        sentence: 'Gate declined late/2: no gain.',
        rule: 'gain(log_loss)',
        numbers: { gain: 0.003 },
        inputs: {},
        injected: true,
        atMs: 5,
      }),
    )
    const [decision] = await listDecisions(context, { projectId: PROJECT_ID, kind: 'gate', limit: 10 })
    expect(decision).toMatchObject({ verdict: 'fail', numbers: { gain: 0.003 }, injected: true, atMs: 5 })
    expect(await listDecisions(context, { projectId: 'other', limit: 10 })).toEqual([])
    const between = (fromMs: number, toMs: number) =>
      listDecisions(context, { projectId: PROJECT_ID, fromMs, toMs, limit: 10 })
    expect(
      [await between(5, 6), await between(6, 9), await between(0, 5)].map(({ length }) => length),
    ).toEqual([1, 0, 0])
  })

  test('what an open drill causes is labelled as injected, and nothing else', async () => {
    const context = await open()
    const decide = async (sentence: string): Promise<void> => {
      await context.db.write((trx) =>
        recordDecision(trx, {
          projectId: PROJECT_ID,
          kind: 'alert',
          subjectType: 'deployment',
          subjectId: 'late',
          verdict: 'raised',
          sentence,
          rule: 'feeds',
          numbers: {},
          inputs: {},
          atMs: 5,
        }),
      )
    }
    const drill = {
      projectId: PROJECT_ID,
      actor: localOwner,
      label: 'ORD freezes',
      kinds: ['alert'],
      match: 'ORD',
    } as const
    const id = await startDrill(context, drill)
    await decide('ORD is stale')
    await decide('the base rate has changed')
    await endDrill(context, { projectId: PROJECT_ID, actor: localOwner, id })
    await decide('ORD is stale again')
    const decisions = await listDecisions(context, { projectId: PROJECT_ID, limit: 10 })
    expect(decisions.filter(({ injected }) => injected).map(({ sentence }) => sentence)).toEqual([
      'ORD is stale',
    ])
    await expect(endDrill(context, { projectId: PROJECT_ID, actor: localOwner, id })).rejects.toThrow(
      `There is no open drill ${id}`,
    )
    const audits = await searchAudit(context, { projectId: PROJECT_ID, actor: localOwner, limit: 10 })
    expect(audits.map(({ sentence }) => sentence)).toEqual([
      'ended the drill “ORD freezes”',
      'began the drill “ORD freezes”: decisions that say “ORD” are labelled as injected',
    ])
  })

  test('a project that does not exist is refused by name', async () => {
    const context = await open()
    await expect(resolveProject(context, 'nowhere')).rejects.toMatchObject({ code: 'not_found' })
    expect(await resolveProject(context, undefined)).toBe('default')
  })
})

test('a role holds every permission up to its own', () => {
  const actor = { ...localOwner, grants: { p: 'contributor' } } as const
  expect(() => requirePermission(actor, 'contribute', 'p')).not.toThrow()
  expect(() => requirePermission(actor, 'maintain', 'p')).toThrow('needs the role maintainer')
  expect(() => requirePermission(actor, 'view', 'q')).toThrow('needs the role viewer')
})
