import type { DatabaseSync } from 'node:sqlite'
import { AppError } from '../kernel/errors.ts'

/** The revisions of MLflow's database that are read, oldest first: MLflow 2.0 (December 2022) to 3.18. */
const KNOWN_REVISIONS: ReadonlySet<string> = new Set(
  `cc1f77228345 97727af70f4d 3500859a5d39 7f2a7d5fae7d 2d6e25af4d3e acf3f17fdcc7 867495a8f9d4 5b0e9adcef9c 4465047574b1 f5a4f2784254
  0584bdc529eb 400f98739977 6953534de441 bda7b8c39065 cbc13b556ace 770bee3ae1dd a1b2c3d4e5f6 de4033877273 1a0cddfcaa16 534353b11cbc
  71994744cf8e 3da73c924c2f bf29a5ff90ea 1bd49d398cd23 b7c8d9e0f1a2 5d2d30f0abce c9d4e5f6a7b8 2c33131f4dae d3e4f5a6b7c8 d0e1f2a3b4c5
  c8d9e0f1a2b3 1b5f0d9ad7c1 e1f2a3b4c5d6 76601a5f987d c3d6457b6d8a a5b4c3d2e1f0 ae8bbe7743c9 7d34483879f0 da6fb0208061 89d3d66ed43f
  b7e4c1a90f23 a8b9c0d1e2f3 c1d2e3f4a5b6 c3d9e7f1a2b4 6f8d9c3b2a1e 1971f2d9a75b 17e22815139b b7e2c1a4d9f3 75868b020152 dc11669786a5`.split(
    /\s+/,
  ),
)

/** What a database has beyond the tables of MLflow 2.0. */
export interface MlflowSchema {
  aliases: boolean
  datasets: boolean
  loggedModels: boolean
  /** Outputs of runs have a step. */
  inputSteps: boolean
  storageLocations: boolean
  workspaces: boolean
}

/** Throws `invalid` for a file that is no MLflow database, or one of a version that is not known. */
export function readMlflowSchema(database: DatabaseSync, path: string): MlflowSchema {
  if (!hasTable(database, 'alembic_version'))
    throw new AppError('invalid', `${path} is no database of MLflow: it has no table alembic_version`)
  const revision = String(database.prepare('SELECT version_num FROM alembic_version').get()?.['version_num'])
  if (!KNOWN_REVISIONS.has(revision))
    throw new AppError(
      'invalid',
      `${path} has the schema ${revision}, which is not known: MLflow 2.0 to 3.18 are. An older one is brought up by \`mlflow db upgrade sqlite:///${path}\`; a newer one can be imported from its running server, by its address.`,
      { details: { revision } },
    )
  const has = (table: string, column: string): boolean => columnsOf(database, table).includes(column)
  return {
    aliases: hasTable(database, 'registered_model_aliases'),
    datasets: hasTable(database, 'inputs'),
    loggedModels: hasTable(database, 'logged_models'),
    inputSteps: has('inputs', 'step'),
    storageLocations: has('model_versions', 'storage_location'),
    workspaces: has('experiments', 'workspace'),
  }
}

function hasTable(database: DatabaseSync, name: string): boolean {
  return (
    database.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`).get(name) !== undefined
  )
}

function columnsOf(database: DatabaseSync, table: string): string[] {
  return database
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map((row) => String(row['name']))
}
