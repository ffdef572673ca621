import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { train } from '../learners/learners.ts'
import type { FeatureSpec } from '../learners/schema.ts'
import { evaluateModels } from './evaluate.ts'
import { storeEvaluation } from './evaluations.ts'
import { findImportance } from './importance.ts'
import { registerVersion } from './versions.ts'

const PENGUINS = fileURLToPath(new URL('../data/penguins.json', import.meta.resolve('vega-datasets')))

it('ranks what a regression of the mass of penguins rests on, and keeps it with the version', async () => {
  await using context = await openTestContext()
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-penguins-'))
  try {
    const path = join(folder, 'penguins.parquet')
    await context.analytics
      .execute(`COPY (SELECT "Body Mass (g)"::DOUBLE AS mass, "Flipper Length (mm)"::DOUBLE AS flipper,
        "Beak Depth (mm)"::DOUBLE AS beak, (row_number() OVER () * 7919 % 101)::DOUBLE AS noise
      FROM read_json('${PENGUINS}') WHERE mass IS NOT NULL AND flipper IS NOT NULL) TO '${path}' (FORMAT parquet)`)
    const columns = await context.analytics.columns(`SELECT * FROM '${path}'`)
    const numbers = (name: string): Float64Array => Float64Array.from(columns[name] as number[])
    const features = ['flipper', 'beak', 'noise'].map((name): FeatureSpec => ({ name, kind: 'number' }))
    const onnx = train({
      learner: 'trees',
      task: 'regression',
      features,
      frame: {
        rows: columns['mass']!.length,
        columns: Object.fromEntries(
          features.map(({ name }) => [name, { kind: 'number' as const, values: numbers(name) }]),
        ),
      },
      target: numbers('mass'),
    }).toOnnx()
    const caller = { projectId: PROJECT_ID, actor: localOwner }
    const { id } = await registerVersion(context, {
      ...caller,
      model: 'mass',
      source: 'test',
      createModel: true,
    })
    expect(await findImportance(context, { modelVersionId: id })).toBeUndefined()
    const evaluation = await evaluateModels(context, {
      holdout: { parquet: [path], label: 'mass' },
      task: 'regression',
      models: [{ name: 'mass/1', role: 'candidate', onnx, modelVersionId: id }],
    })
    await storeEvaluation(context, { ...caller, model: 'mass', evaluation })
    const found = await findImportance(context, { modelVersionId: id })
    expect(found).toMatchObject({ of: 'variance', rows: 342 })
    expect(found!.features.map(({ feature }) => feature)).toEqual(['flipper', 'beak', 'noise'])
    expect(found!.features[0]!.share).toBeGreaterThan(0.5)
    expect(Math.abs(found!.features[2]!.share)).toBeLessThan(0.2)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
