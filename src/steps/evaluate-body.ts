import { writeFile } from 'node:fs/promises'
import { buildReferenceProfile, evaluateModels, type EvaluatedModel } from '../registry/registry.ts'
import type { Evaluation } from '../registry/schema.ts'
import type { SetFacts } from './built-in.ts'
import type { ModelInput, TableInput } from './kinds.ts'
import type { StepHost } from './step-host.ts'

interface EvaluateScope {
  model: ModelInput
  test: TableInput
  facts: SetFacts
  champion?: ModelInput
  baseline?: ModelInput
  params: { task: 'binary' | 'regression' }
  log: (text: string) => void
  metric: (key: string, value: number) => void
}

/** The body of `evaluate`. Models bear their roles as names until they are registered. */
export async function evaluateModel(
  { model, test, facts, champion, baseline, params, metric }: EvaluateScope,
  { analytics }: Pick<StepHost, 'analytics'>,
): Promise<{ evaluation: Evaluation; metrics: Record<string, number> }> {
  const models: EvaluatedModel[] = [{ name: 'candidate', role: 'candidate', onnx: model.path }]
  if (champion) models.push({ name: 'champion', role: 'champion', onnx: champion.path })
  if (baseline) models.push({ name: 'baseline', role: 'baseline', onnx: baseline.path })
  const holdout = { parquet: test.paths, label: facts.label, dayColumn: facts.time }
  const evaluation = await evaluateModels({ analytics }, { holdout, models, task: params.task })
  const candidate = evaluation.subjects.find(({ role }) => role === 'candidate')!
  const metrics = Object.fromEntries(
    Object.entries(candidate.metrics).map(([name, { estimate }]) => [name, estimate]),
  )
  for (const [name, value] of Object.entries(metrics)) metric(name, value)
  return { evaluation, metrics }
}

interface ProfileScope {
  model: ModelInput
  table: TableInput
  facts: SetFacts
  params: { task: 'binary' | 'regression' }
  output: { profile: string }
}

/** The body of `reference_profile`. */
export async function profileModel(
  { model, table, facts, params, output }: ProfileScope,
  { analytics }: Pick<StepHost, 'analytics'>,
): Promise<{ profile: { path: string } }> {
  const source = { parquet: table.paths, label: facts.label, dayColumn: facts.time }
  const profile = await buildReferenceProfile({ analytics }, { source, onnx: model.path, task: params.task })
  await writeFile(output.profile, JSON.stringify(profile))
  return { profile: { path: output.profile } }
}
