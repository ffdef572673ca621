import { readFileSync } from 'node:fs'
import { addressesOf, endpoints } from '../src/protocols/mlflow/mlflow.ts'

const START = '<!-- endpoints: written by node docs/generate.ts -->\n'
const END = '<!-- /endpoints -->\n'

const NOTES: Readonly<Record<string, string>> = {
  'POST /api/2.0/mlflow-artifacts/mpu/create/{artifact_path}':
    'the addresses of the parts are of this server, signed, for a day',
  'GET /api/2.0/mlflow-artifacts/presigned/{artifact_path}': 'for five minutes',
  'POST /api/2.0/mlflow/logged-models/search': 'by metrics on a dataset too',
  'GET /api/2.0/mlflow/metrics/get-history': 'without `max_results` up to 100,000 points and a page token',
  'GET /api/2.0/mlflow/metrics/get-history-bulk-interval':
    'the points that MLflow 3.17 chooses, by rank; of a run with more than 50,000 points, points at even steps',
  'POST /api/2.0/mlflow/model-versions/create':
    'a source with one ONNX graph among its files can be served: its signature is read from the graph',
  'DELETE /api/2.0/mlflow/model-versions/delete': '409 while a deployment serves it',
  'DELETE /api/2.0/mlflow/registered-models/delete':
    'version numbers are not used again; 409 while a deployment serves one of its versions',
  'GET /api/2.0/mlflow/registered-models/search': 'prompts only when the filter asks for them',
  'POST /api/2.0/mlflow/registered-models/search': "the R client's way to ask; MLflow's server has GET alone",
  'POST /api/2.0/mlflow/runs/log-batch': 'one transaction: all or nothing',
  'POST /api/2.0/mlflow/runs/log-model': 'the form of MLflow 1 and of the R client',
  'POST /api/2.0/mlflow/runs/search': 'page tokens are keysets: no page is slower than the first',
}

/** What MLflow's server does not know, though a client of it asks. */
const BEYOND = ['POST /api/2.0/mlflow/registered-models/search']

/** Answered by the application itself, not by an endpoint. */
const PLAIN = ['GET /health', 'GET /version']

/** The MLflow reference with its table of endpoints as the code has it. */
export function mlflowPage(): string {
  const page = readFileSync(new URL('reference/mlflow.md', import.meta.url), 'utf8')
  const [before, rest] = page.split(START)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error('docs/reference/mlflow.md has no table')
  return `${before}${START}\n${endpointTable()}\n${END}${after}`
}

function endpointTable(): string {
  const served = new Set(
    endpoints.flatMap((item) =>
      addressesOf(item).flatMap((path) => item.methods.map((method) => patternOf(`${method} ${path}`))),
    ),
  )
  const rows = mlflowEndpoints().map((name) => {
    const works = served.has(patternOf(name)) || PLAIN.includes(name)
    return `| \`${name}\` | ${works ? 'works' : 'refused'} | ${NOTES[name] ?? ''} |`
  })
  return `| endpoint | | |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

/** Every endpoint of MLflow 3.17, under `/api` where it stands there and under `/ajax-api` where it stands there alone; and what clients ask beyond them. */
export function mlflowEndpoints(): string[] {
  const text = readFileSync(new URL('mlflow-endpoints.txt', import.meta.url), 'utf8')
  return [...text.trim().split('\n'), ...BEYOND]
}

/** Two ways to write one address give the same pattern, whatever the names of its parameters. */
export function patternOf(name: string): string {
  return name.replaceAll(/\{[^}]+\}|:\w+|\*$/g, '{}')
}
