"""Fills an MLflow store through its own client, or prints all that a client reads of one, to compare two stores. For every MLflow since 2.9;
one that has logged models keeps some.

usage: import_store.py fill <uri> | dump <uri> | many <uri> <runs> <points>
"""

import hashlib
import json
import math
import os
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

GREATEST = 1.7976931348623157e308
HAS_LOGGED_MODELS = hasattr(MlflowClient, "search_logged_models")


def fill(uri):
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    experiment = client.create_experiment("flights", tags={"team": "late"})
    mlflow.set_experiment("flights")
    with mlflow.start_run(run_name="parent", tags={"kind": "outer"}) as parent:
        mlflow.log_params({"lr": "0.1", "note": "späte Flüge ✈"})
        with mlflow.start_run(run_name="child", nested=True) as child:
            points = [Metric("auc", 0.5 + step / 1000, 1000 + step, step) for step in range(300)]
            odd = [Metric("odd", value, 1, step) for step, value in enumerate([math.nan, math.inf, -math.inf, -0.0, 1e-320])]
            client.log_batch(child.info.run_id, points + odd, [Param("depth", "6")], [RunTag("k", "v")])
            mlflow.log_text("a note", "notes/a.txt")
            mlflow.log_text("", "notes/empty name.txt")
            origin = log_model(client, parent, child) if HAS_LOGGED_MODELS else {"source": f"runs:/{child.info.run_id}/notes"}
        client.log_inputs(parent.info.run_id, [DatasetInput(Dataset("flights", "abc", "local", "{}"), [InputTag("mlflow.data.context", "training")])])
    failed = client.create_run(experiment, run_name="failed")
    client.set_terminated(failed.info.run_id, "FAILED")
    deleted = client.create_run(experiment, run_name="deleted")
    client.delete_run(deleted.info.run_id)
    gone = client.create_experiment("gone")
    client.create_run(gone, run_name="with it")
    client.delete_experiment(gone)
    client.create_registered_model("late", tags={"owner": "ada"}, description="Will it be late?")
    client.create_model_version("late", run_id=child.info.run_id, tags={"passed": "yes"}, **origin)
    client.create_model_version("late", f"{child.info.artifact_uri}/notes", child.info.run_id, description="second")
    client.set_registered_model_alias("late", "champion", 1)
    client.transition_model_version_stage("late", "2", "Staging")
    client.create_registered_model("empty")


def log_model(client, parent, child):
    """A logged model with files, metrics, params and tags, made by one run and used by the other. Returns what a version of it comes from."""
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    info = child.info
    model = client.create_logged_model(info.experiment_id, name="late", source_run_id=info.run_id, params={"p": "1"}, tags={"t": "2"})
    client.log_metric(info.run_id, "f1", 0.7, model_id=model.model_id, step=3)
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/deep")
        for name in ("weights & more.txt", "deep/two.txt"):
            with open(f"{folder}/{name}", "w") as file:
                file.write(name)
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(child.info.run_id, [LoggedModelOutput(model.model_id, step=2)])
    client.log_inputs(parent.info.run_id, models=[LoggedModelInput(model.model_id)])
    return {"source": f"models:/{model.model_id}", "model_id": model.model_id}


def many(uri, runs, points):
    client = MlflowClient(uri)
    experiment = client.create_experiment("many")
    for number in range(runs):
        run = client.create_run(experiment, run_name=f"run {number}")
        client.log_batch(run.info.run_id, [Metric("loss", 1 / (step + 1), step, step) for step in range(points)], [Param("n", str(number))])
        client.set_terminated(run.info.run_id)


def number(value):
    """MLflow's stores answer an infinity as the greatest double."""
    if abs(value) == GREATEST:
        value = math.copysign(math.inf, value)
    return repr(value + 0.0)


def dump(uri):
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    experiments = client.search_experiments(view_type=ViewType.ALL)
    print(json.dumps({
        "experiments": sorted((experiment_of(e) for e in experiments), key=str),
        "runs": sorted((run_of(client, run) for e in experiments for run in client.search_runs([e.experiment_id], run_view_type=ViewType.ALL)), key=str),
        "logged_models": sorted((logged_model_of(model) for model in logged_models(client, experiments)), key=str),
        "models": sorted((model_of(client, model) for model in client.search_registered_models()), key=str),
    }, indent=1, sort_keys=True))


def logged_models(client, experiments):
    return client.search_logged_models([e.experiment_id for e in experiments]) if HAS_LOGGED_MODELS else []


def experiment_of(experiment):
    # Each store makes its own Default.
    created = experiment.creation_time if experiment.experiment_id != "0" else None
    return [experiment.experiment_id, experiment.name, experiment.lifecycle_stage, experiment.tags, created]


def run_of(client, found):
    # A search leaves out the models that a run has used.
    run = client.get_run(found.info.run_id)
    info, data = run.info, run.data
    return {
        "info": [info.run_id, info.experiment_id, info.run_name, info.user_id, info.status, info.start_time, info.end_time, info.lifecycle_stage],
        "params": data.params,
        "tags": data.tags,
        "latest": {key: number(value) for key, value in data.metrics.items()},
        "histories": {
            key: sorted([point.timestamp, point.step, number(point.value)] for point in client.get_metric_history(info.run_id, key))
            for key in data.metrics
        },
        "datasets": sorted(
            [use.dataset.name, use.dataset.digest, use.dataset.source, use.dataset.schema or "", use.dataset.profile or "", {tag.key: tag.value for tag in use.tags}]
            for use in run.inputs.dataset_inputs
        ),
        "model_inputs": sorted(use.model_id for use in run.inputs.model_inputs) if HAS_LOGGED_MODELS else [],
        "model_outputs": sorted([use.model_id, use.step] for use in (run.outputs.model_outputs if HAS_LOGGED_MODELS and run.outputs else [])),
        "files": files_of(f"runs:/{info.run_id}") if info.lifecycle_stage == "active" else {},
    }


def logged_model_of(model):
    metrics = sorted([metric.key, metric.timestamp, metric.step, number(metric.value), metric.run_id] for metric in model.metrics or [])
    return [model.model_id, model.experiment_id, model.name, str(model.status), model.source_run_id, model.params, model.tags, metrics, model.creation_timestamp]


def model_of(client, model):
    versions = client.search_model_versions(f"name = '{model.name}'")
    return {
        "model": [model.name, model.description or "", model.tags, {alias: str(version) for alias, version in model.aliases.items()}, model.creation_timestamp],
        "versions": sorted(
            ([str(v.version), v.current_stage, v.description or "", v.run_id, v.tags, sorted(client.get_model_version(v.name, v.version).aliases), v.creation_timestamp,
              files_of(f"models:/{model.name}/{v.version}")] for v in versions),
            key=str,
        ),
    }


def files_of(uri):
    with tempfile.TemporaryDirectory() as folder:
        try:
            root = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
        except Exception as error:
            return {"none": type(error).__name__ if os.environ.get("SHOW") else ""}
        found = {}
        for path, _, names in os.walk(root):
            for name in names:
                file = os.path.join(path, name)
                with open(file, "rb") as content:
                    found[os.path.relpath(file, root)] = hashlib.sha256(content.read()).hexdigest()
        return found


if __name__ == "__main__":
    command, uri, *rest = sys.argv[1:]
    if command == "fill":
        fill(uri, *rest)
    elif command == "many":
        many(uri, *map(int, rest))
    else:
        dump(uri)
