import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../kernel/errors.ts'
import { readMlflowSchema } from './mlflow-schema.ts'
import type { MlflowSource } from './schema.ts'
import { localArtifacts } from './source-files.ts'
import { countRuns, listExperiments, listPoints, listRuns, type Reading } from './store-mlflow.ts'
import { listLoggedModels, listModels, listVersions } from './store-mlflow-models.ts'

const BUSY_TIMEOUT_MS = 10_000

export interface SqliteOptions {
  includeDeleted: boolean
  workspace: string
  /** Where the server of this database keeps the files of `mlflow-artifacts:`. */
  artifacts?: string | undefined
}

/** MLflow's own SQLite file, opened for reading; its server may go on writing. */
export function openSqliteSource(file: string, options: SqliteOptions): MlflowSource {
  const path = resolve(file)
  if (!existsSync(path)) throw new AppError('not_found', `There is no file ${path}`)
  if (statSync(path).isDirectory()) throw new AppError('invalid', wayOutOfFolder(path))
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  try {
    const reading: Reading = { database, schema: readMlflowSchema(database, path), ...options }
    return sourceOf(reading, path, options.artifacts)
  } catch (error) {
    database.close()
    if (error instanceof AppError) throw error
    throw new AppError('invalid', `${path} can't be read as a SQLite database`, { cause: error })
  }
}

function sourceOf(reading: Reading, path: string, artifacts: string | undefined): MlflowSource {
  const { includeDeleted } = reading
  return {
    description: `sqlite:///${path}`,
    artifacts: localArtifacts({
      folder: dirname(path),
      served: artifacts ?? join(dirname(path), 'mlartifacts'),
    }),
    async count() {
      const { active, deleted, points } = countRuns(reading)
      return includeDeleted
        ? { runs: active + deleted, points }
        : { runs: active, points, deletedRuns: deleted }
    },
    listExperiments: async () => listExperiments(reading),
    async *listRuns(experimentIds) {
      yield* listRuns(reading, new Set(experimentIds))
    },
    async *listPoints(run, position) {
      yield* listPoints(reading, run, position)
    },
    async *listLoggedModels(experimentIds) {
      yield* listLoggedModels(reading, new Set(experimentIds))
    },
    async *listModels() {
      yield* listModels(reading)
    },
    listVersions: async (model) => listVersions(reading, model),
    async [Symbol.asyncDispose]() {
      reading.database.close()
    },
  }
}

/** MLflow's own tool brings the files of a folder such as `mlruns` into a database, which lies beside it so that artifacts are found. */
function wayOutOfFolder(folder: string): string {
  const above = basename(folder) === 'mlruns' ? dirname(folder) : folder
  const database = join(above, 'mlflow.db')
  return `${folder} is a folder, of which MLflow makes a database that can be imported: \`mlflow migrate-filestore --source ${above} --target sqlite:///${database}\`, then \`tidemill import mlflow ${database}\`. Or import from the address of a server that serves the folder.`
}
