import { AppError } from '../kernel/errors.ts'
import type { Json, MlflowClient } from './mlflow-client.ts'
import type { MlflowSource, PointsPage, SourceModel, SourceRun, SourceVersion } from './schema.ts'
import { serverArtifacts } from './server-artifacts.ts'
import { metricOf, text, toExperiment, toLoggedModel, toModel, toRun, toVersion } from './wire.ts'

const API = '/api/2.0/mlflow'
const RUNS_AT_ONCE = 200
const POINTS_AT_ONCE = 25_000
const KEYS_AT_ONCE = 6
const DETAILS_AT_ONCE = 8
const EXPERIMENTS_AT_ONCE = 100
const MODELS_AT_ONCE = 100
/** Searches leave prompts out unless they are asked for. */
const MODEL_FILTERS = ['', "tag.`mlflow.prompt.is_prompt` = 'true'"]

/** A running MLflow server, read by its REST API. */
export function openServerSource(
  client: MlflowClient,
  { includeDeleted }: { includeDeleted: boolean },
): MlflowSource {
  const viewType = includeDeleted ? 'ALL' : 'ACTIVE_ONLY'
  return {
    description: client.address,
    artifacts: serverArtifacts(client),
    count: async () => ({}),
    async listExperiments() {
      const pages = client.pages('experiments', (page_token) =>
        client.post(`${API}/experiments/search`, { max_results: 1000, view_type: viewType, page_token }),
      )
      const experiments = []
      for await (const page of pages) experiments.push(...page.map(toExperiment))
      return experiments
    },
    listRuns: (experimentIds) => listRuns(client, experimentIds, viewType),
    listPoints: (run, position) => listPoints(client, run, position),
    listLoggedModels: (experimentIds) => listLoggedModels(client, experimentIds),
    listModels: () => listModels(client),
    listVersions: (model) => listVersions(client, model),
    async [Symbol.asyncDispose]() {},
  }
}

async function* listRuns(
  client: MlflowClient,
  experimentIds: readonly string[],
  viewType: string,
): AsyncGenerator<SourceRun[], void, undefined> {
  for (let start = 0; start < experimentIds.length; start += EXPERIMENTS_AT_ONCE) {
    const experiment_ids = experimentIds.slice(start, start + EXPERIMENTS_AT_ONCE)
    const hasModels = await hasAny(listLoggedModels(client, experiment_ids))
    const search = {
      experiment_ids,
      run_view_type: viewType,
      max_results: RUNS_AT_ONCE,
      // Oldest first: a run that starts meanwhile comes last, and moves no page.
      order_by: ['attributes.start_time ASC'],
    }
    const pages = client.pages('runs', (page_token) =>
      client.post(`${API}/runs/search`, { ...search, page_token }),
    )
    for await (const page of pages) yield (hasModels ? await inDetail(client, page) : page).map(toRun)
  }
}

async function hasAny(pages: AsyncIterable<readonly unknown[]>): Promise<boolean> {
  for await (const page of pages) return page.length > 0
  return false
}

/** A search leaves out the models that a run has used. */
async function inDetail(client: MlflowClient, runs: readonly Json[]): Promise<Json[]> {
  const detailed: Json[] = []
  for (let start = 0; start < runs.length; start += DETAILS_AT_ONCE) {
    const some = runs.slice(start, start + DETAILS_AT_ONCE).map(async (run) => {
      const { run_id } = run['info'] as { run_id: string }
      return (await client.get(`${API}/runs/get`, { run_id }))['run'] as Json
    })
    detailed.push(...(await Promise.all(some)))
  }
  return detailed
}

/** Histories key by key; the position is the last key that is done. Several keys are asked for at once. */
async function* listPoints(
  client: MlflowClient,
  { id, metrics }: SourceRun,
  position = '',
): AsyncGenerator<PointsPage, void, undefined> {
  const keys = metrics
    .map(({ key }) => key)
    .filter((key) => key > position)
    .sort()
  for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
    const some = keys.slice(start, start + KEYS_AT_ONCE)
    const histories = await Promise.all(some.map((key) => historyOf(client, id, key)))
    yield { points: histories.flat(), position: some.at(-1)! }
  }
}

async function historyOf(client: MlflowClient, runId: string, key: string) {
  const points = []
  const pages = client.pages('metrics', (page_token) =>
    client.get(`${API}/metrics/get-history`, {
      run_id: runId,
      metric_key: key,
      max_results: POINTS_AT_ONCE,
      page_token,
    }),
  )
  for await (const page of pages) points.push(...page.map(metricOf))
  return points
}

async function* listLoggedModels(client: MlflowClient, experimentIds: readonly string[]) {
  for (let start = 0; start < experimentIds.length; start += EXPERIMENTS_AT_ONCE) {
    const experiment_ids = experimentIds.slice(start, start + EXPERIMENTS_AT_ONCE)
    const pages = client.pages('models', (page_token) =>
      client.post(`${API}/logged-models/search`, { experiment_ids, max_results: 50, page_token }),
    )
    try {
      for await (const page of pages) yield page.map(toLoggedModel)
    } catch (error) {
      // Servers before MLflow 3 have none.
      if (error instanceof AppError && error.code === 'not_found') return
      throw error
    }
  }
}

async function* listModels(client: MlflowClient): AsyncGenerator<SourceModel[], void, undefined> {
  const seen = new Set<string>()
  for (const filter of MODEL_FILTERS) {
    const pages = client.pages('registered_models', (page_token) =>
      client.get(`${API}/registered-models/search`, { filter, max_results: MODELS_AT_ONCE, page_token }),
    )
    for await (const page of pages) {
      const models = page.map(toModel).filter(({ name }) => !seen.has(name))
      for (const { name } of models) seen.add(name)
      yield models
    }
  }
}

async function listVersions(client: MlflowClient, model: string) {
  const versions: SourceVersion[] = []
  const pages = client.pages('model_versions', (page_token) =>
    client.get(`${API}/model-versions/search`, {
      filter: `name = '${model.replaceAll("'", "''")}'`,
      max_results: 1000,
      page_token,
    }),
  )
  for await (const page of pages)
    for (const item of page) {
      const { artifact_uri } = await client.get(`${API}/model-versions/get-download-uri`, {
        name: model,
        version: text(item['version']),
      })
      versions.push({ ...toVersion(item), storageLocation: text(artifact_uri) || undefined })
    }
  versions.sort((a, b) => a.version - b.version)
  return { versions, deleted: 0, lastVersion: versions.at(-1)?.version ?? 0 }
}
