"""What scripts did for years with MLflow's client, in the words that all versions since 2.9 know. Prints `ok`."""

import math
import os
import tempfile
import time
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

client = MlflowClient()
version = mlflow.__version__
started = time.monotonic()


def refused(code, call):
    try:
        call()
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
        return
    raise AssertionError(f"expected {code}")


# Experiments
experiment = mlflow.set_experiment(f"old {version}")
mlflow.set_experiment_tag("team", "blue")
mlflow.set_experiment_tags({"quarter": "3"})
tags = client.get_experiment_by_name(f"old {version}").tags
assert tags["team"] == "blue" and tags["quarter"] == "3", tags
found = mlflow.search_experiments(filter_string=f"name = 'old {version}' AND tags.team = 'blue'", order_by=["name ASC"])
assert [e.experiment_id for e in found] == [experiment.experiment_id]

# Runs, nested and resumed
with mlflow.start_run(run_name="parent", tags={"kind": "outer"}, description="by hand") as parent:
    mlflow.log_params({"depth": 3, "lr": 0.1})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"auc": 0.7, "nan": math.nan, "inf": math.inf}, step=4)
    mlflow.set_tags({"a": "1", "b": "2"})
    mlflow.delete_tag("b")
    with mlflow.start_run(run_name="child", nested=True) as child:
        mlflow.log_metric("auc", 0.8)
run_id = parent.info.run_id
with mlflow.start_run(run_id=run_id):
    mlflow.log_param("resumed", True)
client.log_batch(
    run_id,
    metrics=[Metric("curve", math.sin(i), 1_700_000_000_000 + i, i) for i in range(1000)],
)
client.log_batch(run_id, params=[Param("p", "1")], tags=[RunTag("t", "1")])
dataset = Dataset(name="flights", digest="abc", source_type="local", source="{}")
client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
try:
    with mlflow.start_run(run_name="failing"):
        raise KeyError("fails")
except KeyError:
    failed = mlflow.last_active_run()

read = client.get_run(run_id)
assert read.info.status == "FINISHED" and read.info.run_name == "parent" and read.info.lifecycle_stage == "active"
assert read.data.params == {"depth": "3", "lr": "0.1", "resumed": "True", "p": "1"}, read.data.params
assert read.data.metrics["loss"] == 0.2 and math.isnan(read.data.metrics["nan"]) and read.data.metrics["inf"] == math.inf
assert {"kind": "outer", "a": "1", "t": "1", "mlflow.note.content": "by hand"}.items() <= read.data.tags.items()
assert "b" not in read.data.tags
assert read.inputs.dataset_inputs[0].dataset.name == "flights"
assert [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")] == [(i, 1 / (i + 1)) for i in range(5)]
assert len(client.get_metric_history(run_id, "curve")) == 1000
assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run_id
assert client.get_run(failed.info.run_id).info.status == "FAILED"

# Search
def names(filter_string="", **options):
    found = client.search_runs([experiment.experiment_id], filter_string, **options)
    return [run.info.run_name for run in found]


assert names("metrics.auc > 0.75") == ["child"]
assert names("params.depth = '3' and tags.kind LIKE 'out%'") == ["parent"]
assert names("attributes.status = 'FAILED'") == ["failing"]
assert names("dataset.name = 'flights'") == ["parent"]
page = client.search_runs([experiment.experiment_id], order_by=["metrics.auc DESC"], max_results=2)
assert [run.info.run_name for run in page] == ["child", "parent"] and page.token
assert names(order_by=["metrics.auc DESC"], max_results=2, page_token=page.token) == ["failing"]
assert len(mlflow.search_runs([experiment.experiment_id], output_format="list")) == 3

# Artifacts
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "weights ü.bin"
    file.write_bytes(os.urandom(3_000_000))
    client.log_artifact(run_id, str(file), "model")
    client.log_text(run_id, "hello", "notes/hello.txt")
    client.log_dict(run_id, {"a": [1, 2]}, "config.json")
    assert [f.path for f in client.list_artifacts(run_id)] == ["config.json", "model", "notes"]
    assert [(f.path, f.file_size) for f in client.list_artifacts(run_id, "model")] == [("model/weights ü.bin", 3_000_000)]
    local = client.download_artifacts(run_id, "model", folder)
    assert (Path(local) / file.name).read_bytes() == file.read_bytes()
    local = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/notes/hello.txt", dst_path=folder)
    assert Path(local).read_text() == "hello"
    assert mlflow.artifacts.load_dict(f"{read.info.artifact_uri}/config.json") == {"a": [1, 2]}

# The registry, with stages and with aliases
name = f"old-{version}"
client.create_registered_model(name, tags={"owner": "ops"}, description="of an old client")
source = f"{read.info.artifact_uri}/model"
for _ in range(3):
    client.create_model_version(name, source, run_id, tags={"from": "run"})
client.transition_model_version_stage(name, "1", "Production")
client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
assert client.get_model_version(name, "1").current_stage == "Archived"
assert [v.version for v in client.get_latest_versions(name, ["Production"])] == ["2"]
assert sorted(v.version for v in client.get_latest_versions(name)) == ["1", "2", "3"]
client.set_registered_model_alias(name, "champion", "3")
assert client.get_model_version_by_alias(name, "champion").version == "3"
assert client.get_registered_model(name).aliases == {"champion": "3"}
client.set_model_version_tag(name, "3", "checked", "yes")
client.update_model_version(name, "3", "the third")
assert client.get_model_version(name, "3").tags == {"from": "run", "checked": "yes"}
assert client.get_model_version_download_uri(name, "3") == source
assert [v.version for v in client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"])] == ["3", "2", "1"]
assert [m.name for m in client.search_registered_models(f"name = '{name}'")] == [name]
client.create_registered_model(f"{name}-copy")
copy = client.copy_model_version(f"models:/{name}/3", f"{name}-copy")
assert client.get_model_version_download_uri(f"{name}-copy", copy.version) == source
with tempfile.TemporaryDirectory() as folder:
    local = mlflow.artifacts.download_artifacts(f"models:/{name}@champion", dst_path=folder)
    assert (Path(local) / "weights ü.bin").stat().st_size == 3_000_000
client.delete_model_version(name, "1")
client.rename_registered_model(name, f"{name}-renamed")
client.delete_registered_model(f"{name}-renamed")

# What is refused keeps its code, and holds nothing up
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("0" * 32))
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model(name))
refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment(f"old {version}"))
refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([experiment.experiment_id], "nope = 'x'"))
refused("INVALID_PARAMETER_VALUE", lambda: client.log_param(run_id, "depth", "4"))

# Deleting and restoring
client.delete_run(child.info.run_id)
assert "child" not in names() and "child" in names(run_view_type=ViewType.DELETED_ONLY)
client.restore_run(child.info.run_id)
client.rename_experiment(experiment.experiment_id, f"older {version}")
client.delete_experiment(experiment.experiment_id)
assert client.get_experiment(experiment.experiment_id).lifecycle_stage == "deleted"
client.restore_experiment(experiment.experiment_id)

# A traced function runs; what becomes of its trace is no reason to fail or to wait
if hasattr(mlflow, "trace"):

    @mlflow.trace
    def double(x):
        return 2 * x

    assert double(21) == 42
assert time.monotonic() - started < 60, f"took {time.monotonic() - started:.0f} s"
print("ok")
