import { buildTrainingSet } from '../features/features.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { SetFacts } from './built-in.ts'
import type { TableInput } from './kinds.ts'
import type { StepHost } from './step-host.ts'

interface TrainingSetScope extends Readonly<Record<string, unknown>> {
  data: TableInput
  params: {
    spec: FeatureServiceSpec
    time: string
    label: string
    sources: Record<string, { input: string; time: string | null }>
  }
  output: { table: string }
  log: (text: string) => void
}

const LABEL = 'label'

/** The body of `training_set`: the point-in-time join of the room `features` over the step's inputs. */
export async function makeTrainingSet(
  scope: TrainingSetScope,
  { analytics, codeFolder }: Pick<StepHost, 'analytics' | 'codeFolder'>,
): Promise<{ table: { path: string }; facts: SetFacts }> {
  const { data, params, output, log } = scope
  const { spec, time, label, sources } = params
  const scans = Object.entries(sources).map(([name, { input, time }]) => {
    const { scan } = scope[input] as TableInput
    return [name, { scan: `SELECT * FROM ${scan}`, time }] as const
  })
  const others = `COLUMNS(name -> name <> '${LABEL}')`
  const sql = `SELECT ${others}, CAST((${label}) AS DOUBLE) AS ${quoteIdentifier(LABEL)} FROM ${data.scan} WHERE (${label}) IS NOT NULL`
  const plan = { spec, spine: { sql }, eventTime: time, datasets: Object.fromEntries(scans), withAges: false }
  const { path, rows, violations } = await buildTrainingSet(analytics, plan, {
    snapshotDirectory: codeFolder,
    target: output.table,
  })
  log(`${rows} rows, ${spec.features.length} features of ${spec.name}`)
  const features = spec.features.map(({ name, kind }) => ({ name, kind }))
  return {
    table: { path },
    facts: { service: { name: spec.name, spec }, features, label: LABEL, time, rows, violations },
  }
}
