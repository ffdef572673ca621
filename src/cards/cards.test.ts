import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { createApp } from '../http/app.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { createRun, logBatch, putArtifact } from '../tracking/tracking.ts'
import {
  registerVersion,
  runGates,
  setAlias,
  storeEvaluation,
  updateModelVersion,
} from '../registry/registry.ts'
import { cardHtml, cardMarkdown } from './text.ts'
import { getCard, listCardRevisions, writeCard } from './cards.ts'
import { routes } from './routes.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...caller, model: 'late', version: 1 }
const alice: Actor = {
  id: 'user:alice',
  kind: 'user',
  name: 'alice',
  grants: { [PROJECT_ID]: 'contributor' },
}

async function arrange(
  context: TestContext,
  { days = ['2001-02-01', '2001-02-02'], brier = 0.1 } = {},
): Promise<void> {
  const run = await createRun(context, caller)
  const tags = [{ key: 'mlflow.source.git.commit', value: 'abc123' }]
  await logBatch(context, { ...caller, runId: run.id, params: [{ key: 'depth', value: '3' }], tags })
  const folder = run.artifactUri.replace('mlflow-artifacts:/', '').replace(/^\//, '')
  const bytes = Buffer.from('scikit-learn==1.5\n')
  await putArtifact(context, { ...caller, path: `${folder}/model/requirements.txt`, content: { bytes } })
  const { id } = await registerVersion(context, {
    ...caller,
    model: 'late',
    source: `${run.artifactUri}/model`,
    runId: run.id,
    createModel: true,
    task: 'binary',
    signature: {
      inputs: [{ name: 'late_share_3h', kind: 'number', datatype: 'FP64', nullable: true }],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 2] }],
      task: 'binary',
    },
  })
  const auc = { estimate: 0.7123, lower: 0.69, upper: 0.73 }
  const leak = {
    featureAuc: [{ feature: 'late_share_3h', auc: 0.66 }],
    importance: [{ feature: 'late_share_3h', share: 0.8 }],
    late: [],
  }
  const stored = await storeEvaluation(context, {
    ...caller,
    model: 'late',
    evaluation: {
      task: 'binary',
      label: 'late',
      holdout: { digest: 'f00d', rows: 12_345, days },
      subjects: [
        {
          name: 'late/1',
          role: 'candidate',
          modelVersionId: id,
          metrics: { auc, brier: { estimate: brier } },
          blocks: {},
          leak,
        },
        { name: 'base rate', role: 'baseline', metrics: { auc: { estimate: 0.5 } }, blocks: {} },
      ],
      differences: [],
    },
  })
  await runGates(context, {
    ...late,
    evaluationId: stored.id,
    gates: [{ gate: 'minimum', metric: 'auc', value: 0.6 }],
  })
  await setAlias(context, { ...late, alias: 'champion', source: 'rest' })
}

describeDatabases('model cards', (open) => {
  test('a card tells what is known, and marks what nobody has written', async () => {
    const context = await open()
    await arrange(context)
    const card = await getCard(context, late)
    const text = cardMarkdown(card)
    for (const part of [
      '# Model card: late/1',
      '> **To be written:** What is it meant for',
      '- **Predicts:** binary',
      '- **Owner:** nobody is named',
      'set by owner',
      '| late\\_share\\_3h | number | the request | FP64 | yes |',
      '12,345 rows, 2 days from 2001\\-02\\-01 to 2001\\-02\\-02',
      '0.7123 \\[0.6900, 0.7300\\]',
      '| minimum | pass |',
      '| late\\_share\\_3h | 80 % | 0.6600 |',
      '- **Commit:** abc123',
      '| depth | 3 |',
      'requirements.txt: scikit\\-learn==1.5',
      'It is not known what it was trained on.',
    ])
      expect(text).toContain(part)
    expect(card.blanks).toHaveLength(5)
    expect(card.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  test('a holdout without days is told as what it is, and a small number keeps its digits', async () => {
    const context = await open()
    await arrange(context, { days: ['part 1 of 2', 'part 2 of 2'], brier: 0.000_012_3 })
    const text = cardMarkdown(await getCard(context, late))
    expect(text).toContain('- **Holdout:** 12,345 rows\n')
    expect(text).toContain('from a bootstrap over 2 equal stretches of its rows')
    expect(text).toContain('| 0.000012 |')
  })

  test('what people write is kept in revisions, and two who write at once are told', async () => {
    const context = await open()
    await arrange(context)
    const write = (actor: Actor, revision: number, sections: object) =>
      writeCard(context, { ...late, actor, revision, sections })
    expect(await write(alice, 0, { intendedUse: 'Plan **gates**.' })).toMatchObject({
      revision: 1,
      author: 'alice',
    })
    await expect(write(localOwner, 0, { contact: 'me' })).rejects.toThrow('has revision 1, written by alice')
    await write(localOwner, 1, { contact: 'flights@example.com' })
    const card = await getCard(context, late)
    expect(card.written).toMatchObject({
      revision: 2,
      author: 'owner',
      sections: { intendedUse: 'Plan **gates**.', contact: 'flights@example.com' },
    })
    expect(card.blanks).toEqual(['Out-of-scope use', 'Ethical considerations', 'Caveats and recommendations'])
    const revisions = await listCardRevisions(context, { ...late, limit: 9 })
    expect(revisions.map(({ revision, author }) => [revision, author])).toEqual([
      [2, 'owner'],
      [1, 'alice'],
    ])
    const viewer: Actor = { ...alice, grants: { [PROJECT_ID]: 'viewer' } }
    await expect(write(viewer, 2, { contact: 'x' })).rejects.toMatchObject({ code: 'denied' })
    const audited = await context.db.read
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'registry.write_card')
      .execute()
    expect(audited.map(({ subject, actor_name }) => [subject, actor_name])).toEqual([
      ['late/1', 'alice'],
      ['late/1', 'owner'],
    ])
  })

  test('the page runs nothing and loads nothing, whatever names and texts hold', async () => {
    const context = await open()
    await arrange(context)
    await updateModelVersion(context, {
      ...late,
      description: '<script>alert(1)</script> ![x](https://evil.example/a.png)',
    })
    await writeCard(context, {
      ...late,
      revision: 0,
      sections: { ethics: '<img src=x onerror=alert(1)> [a](javascript:alert(1))' },
    })
    const html = cardHtml({ ...(await getCard(context, late)), model: '"><script>alert(2)</script>' })
    expect(html).not.toMatch(/<script|<img|href="javascript/)
    expect(html).toContain("default-src 'none'")
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\/(?!evil\.example\/a\.png)/)
  })

  test('it is answered as JSON, Markdown and a page, and wrong requests change nothing', async () => {
    const context = await open()
    await arrange(context)
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const at = '/api/v1/models/late/versions/1/card'
    expect(await (await app.request(at)).json()).toMatchObject({
      model: 'late',
      version: 1,
      written: { revision: 0 },
    })
    const [markdown, page] = [await app.request(`${at}.md`), await app.request(`${at}.html`)]
    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(await markdown.text()).toMatch(/^# Model card: late\/1\n/)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await page.text()).toContain('<h1>Model card: late/1</h1>')
    const put = async (body: object) =>
      (await app.request(at, { method: 'PUT', body: JSON.stringify(body) })).status
    expect(await put({ revision: 0, sections: {} })).toBe(400)
    expect(await put({ revision: 0, sections: { weather: 'x' } })).toBe(400)
    expect(await put({ revision: 3, sections: { contact: 'x' } })).toBe(409)
    expect(await put({ revision: 0, sections: { contact: 'x' } })).toBe(200)
    expect((await app.request('/api/v1/models/late/versions/7/card')).status).toBe(404)
  })
})
