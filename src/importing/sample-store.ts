import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The columns of MLflow's tables that are read, as MLflow 3.17 has them. */
const TABLES = `
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT, creation_time BIGINT,
  last_update_time BIGINT, workspace TEXT DEFAULT 'default');
CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER, PRIMARY KEY (key, experiment_id));
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT, deleted_time BIGINT,
  lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN,
  PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE TABLE latest_metrics (key TEXT, value FLOAT, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT, PRIMARY KEY (key, run_uuid));
CREATE TABLE datasets (dataset_uuid TEXT, experiment_id INTEGER, name TEXT, digest TEXT, dataset_source_type TEXT, dataset_source TEXT,
  dataset_schema TEXT, dataset_profile TEXT, PRIMARY KEY (experiment_id, name, digest));
CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT, step BIGINT DEFAULT 0);
CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT, PRIMARY KEY (input_uuid, name));
CREATE TABLE logged_models (model_id TEXT PRIMARY KEY, experiment_id INTEGER, name TEXT, artifact_location TEXT, creation_timestamp_ms BIGINT,
  last_updated_timestamp_ms BIGINT, status INTEGER, lifecycle_stage TEXT, model_type TEXT, source_run_id TEXT);
CREATE TABLE logged_model_params (model_id TEXT, param_key TEXT, param_value TEXT);
CREATE TABLE logged_model_tags (model_id TEXT, tag_key TEXT, tag_value TEXT);
CREATE TABLE logged_model_metrics (model_id TEXT, metric_name TEXT, metric_timestamp_ms BIGINT, metric_step BIGINT, metric_value FLOAT, run_id TEXT,
  dataset_name TEXT, dataset_digest TEXT);
CREATE TABLE registered_models (name TEXT, creation_time BIGINT, last_updated_time BIGINT, description TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE registered_model_tags (key TEXT, value TEXT, name TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE registered_model_aliases (alias TEXT, version INTEGER, name TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time BIGINT, last_updated_time BIGINT, description TEXT, user_id TEXT,
  current_stage TEXT, source TEXT, run_id TEXT, run_link TEXT, storage_location TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE model_version_tags (key TEXT, value TEXT, name TEXT, version INTEGER, workspace TEXT DEFAULT 'default');
`

export const RUN = '0123456789abcdef0123456789abcdef'
export const CHILD = 'fedcba9876543210fedcba9876543210'
export const DELETED = 'dddddddddddddddddddddddddddddddd'
export const LOGGED_MODEL = 'm-00000000000000000000000000000001'

/** An MLflow store as its SQLite file, with its artifacts beside it: for tests. Returns the file. */
export function writeSampleStore({ revision = 'dc11669786a5' } = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))
  const file = join(folder, 'mlflow.db')
  const database = new DatabaseSync(file)
  database.exec('PRAGMA synchronous = OFF; BEGIN')
  database.exec(TABLES)
  database.prepare('INSERT INTO alembic_version VALUES (?)').run(revision)
  database.exec(`
INSERT INTO experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1000, 1000, 'default'),
  (7, 'flights', '${folder}/mlruns/7', 'active', 1001, 1002, 'default'), (8, 'gone', 'mlflow-artifacts:/8', 'deleted', 1003, 5000, 'default'),
  (9, 'elsewhere', 'mlflow-artifacts:/9', 'active', 1003, 1003, 'other');
INSERT INTO experiment_tags VALUES ('team', 'late', 7);
INSERT INTO runs VALUES ('${RUN}', 'first', 'ada', 'FINISHED', 2000, 3000, NULL, 'active', '${folder}/mlruns/7/${RUN}/artifacts', 7),
  ('${CHILD}', 'second', 'ada', 'FAILED', 2001, NULL, NULL, 'active', 'mlflow-artifacts:/7/${CHILD}/artifacts', 7),
  ('${DELETED}', 'third', 'ada', 'KILLED', 2002, 2003, 5001, 'deleted', 's3://bucket/8/${DELETED}/artifacts', 8);
INSERT INTO params VALUES ('lr', '0.1', '${RUN}'), ('depth', '6', '${RUN}');
INSERT INTO tags VALUES ('mlflow.runName', 'first', '${RUN}'), ('mlflow.parentRunId', '${RUN}', '${CHILD}'), ('k', 'v', '${RUN}');
INSERT INTO metrics VALUES ('bad', 0, 1, '${RUN}', 0, 1), ('up', ${Number.MAX_VALUE}, 1, '${RUN}', 0, 0), ('down', ${-Number.MAX_VALUE}, 1, '${RUN}', 0, 0);
INSERT INTO latest_metrics VALUES ('bad', 0, 1, 0, 1, '${RUN}'), ('up', ${Number.MAX_VALUE}, 1, 0, 0, '${RUN}'), ('down', ${-Number.MAX_VALUE}, 1, 0, 0, '${RUN}');
INSERT INTO datasets VALUES ('d1', 7, 'tiny', 'abc', 'code', '{}', NULL, '{"rows":2}');
INSERT INTO inputs VALUES ('i1', 'DATASET', 'd1', 'RUN', '${RUN}', 0), ('i2', 'RUN_OUTPUT', '${RUN}', 'MODEL_OUTPUT', '${LOGGED_MODEL}', 3);
INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'training');
INSERT INTO logged_models VALUES ('${LOGGED_MODEL}', 7, 'late', '${folder}/mlruns/7/models/${LOGGED_MODEL}/artifacts', 2500, 2600, 2, 'active', 'onnx', '${RUN}');
INSERT INTO logged_model_params VALUES ('${LOGGED_MODEL}', 'p', '1');
INSERT INTO logged_model_tags VALUES ('${LOGGED_MODEL}', 't', '2');
INSERT INTO logged_model_metrics VALUES ('${LOGGED_MODEL}', 'auc', 1, 0, 0.5, '${RUN}', 'tiny', 'abc'), ('${LOGGED_MODEL}', 'auc', 2, 1, 0.7, '${RUN}', 'tiny', 'abc');
INSERT INTO registered_models VALUES ('late', 4000, 4001, 'Will it be late?', 'default');
INSERT INTO registered_model_tags VALUES ('owner', 'ada', 'late', 'default');
INSERT INTO registered_model_aliases VALUES ('champion', 1, 'late', 'default');
INSERT INTO model_versions VALUES ('late', 1, 4100, 4200, 'good', 'ada', 'Production', 'models:/${LOGGED_MODEL}', '${RUN}', NULL,
    '${folder}/mlruns/7/models/${LOGGED_MODEL}/artifacts', 'default'),
  ('late', 2, 4300, 4400, NULL, NULL, 'Deleted_Internal', 'REDACTED-SOURCE-PATH', NULL, NULL, NULL, 'default');
INSERT INTO model_version_tags VALUES ('passed', 'yes', 'late', 1, 'default');`)
  const point = database.prepare('INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)')
  for (let step = 0; step < 1000; step++) point.run('loss', 1 / (step + 1), 1000 + step, RUN, step)
  database.exec(`INSERT INTO latest_metrics VALUES ('loss', 0.001, 1999, 999, 0, '${RUN}')`)
  database.exec('COMMIT')
  database.close()
  const files = {
    [`mlruns/7/${RUN}/artifacts/notes/a.txt`]: 'a note',
    [`mlartifacts/7/${CHILD}/artifacts/b.txt`]: 'from the proxy',
    [`mlruns/7/models/${LOGGED_MODEL}/artifacts/MLmodel`]: 'flavors: {}',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return file
}
