import { buildTrainingSet } from '../point-in-time/point-in-time.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { requireSeenColumns } from '../leakage/leakage.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { SetFacts } from './built-in.ts'
import type { TableInput } from './kinds.ts'
import type { KnownDataset } from './run-scope.ts'
import type { StepHost } from './step-host.ts'

interface TrainingSetScope extends Readonly<Record<string, unknown>> {
  data: TableInput
  params: {
    spec: FeatureServiceSpec
    time: string
    label: string
    sources: Record<string, { input: string; time: string | null }>
    known?: KnownDataset[]
    made?: { datasets: Record<string, string>; knownInTime: string[] }
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
  const { spec, time, label, sources, known = [], made } = params
  const scans = Object.entries(sources).map(([name, { input, time }]) => {
    const { scan } = scope[input] as TableInput
    return [name, { scan: `SELECT * FROM ${scan}`, time }] as const
  })
  const others = `COLUMNS(name -> name <> '${LABEL}')`
  // No dataset has such a name.
  const from = known.map(({ dataset }) => dataset).join(' and ') || 'the step'
  const name = `data of ${from}${made ? ', by the names of columns' : ''}`
  const sql = `SELECT ${others}, CAST((${label}) AS DOUBLE) AS ${quoteIdentifier(LABEL)} FROM ${quoteIdentifier(name)} WHERE (${label}) IS NOT NULL`
  const table = { scan: `SELECT * FROM ${data.scan}`, time: known[0]?.time ?? null, known: known[0]?.columns }
  if (made) {
    const behind = Object.entries(made.datasets).map(
      async ([dataset, input]) => [dataset, await namesOf(analytics, scope[input] as TableInput)] as const,
    )
    requireSeenColumns(spec, {
      columns: await namesOf(analytics, data),
      datasets: new Map(await Promise.all(behind)),
      late: known,
      knownInTime: made.knownInTime,
    })
  }
  const datasets = { ...Object.fromEntries(scans), [name]: table }
  const plan = { spec, spine: { sql }, eventTime: time, datasets, withAges: false }
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

async function namesOf(analytics: StepHost['analytics'], { scan }: TableInput): Promise<string[]> {
  const rows = await analytics.query(`DESCRIBE SELECT * FROM ${scan}`)
  return rows.map((row) => String(row['column_name']))
}
