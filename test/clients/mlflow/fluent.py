"""What a team does with the MLflow client, against the server that MLFLOW_TRACKING_URI names. Prints `ok`."""

import math
import os
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

client = MlflowClient()


def refused(code, call):
    try:
        call()
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
        return error.message
    raise AssertionError(f"expected {code}")


# Experiments and runs through the fluent API
mlflow.set_experiment("client test")
with mlflow.start_run(run_name="first", tags={"team": "blue"}, description="a run") as run:
    mlflow.log_param("depth", 3)
    mlflow.log_params({"lr": 0.1, "trees": 100})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"auc": 0.71, "nan": math.nan, "inf": math.inf})
    mlflow.set_tag("stage", "draft")
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": [1, 2]}, "config.json")
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder) / "big.bin"
        big.write_bytes(os.urandom(9_000_000))
        mlflow.log_artifact(str(big), "files")
        content = big.read_bytes()
    with mlflow.start_run(run_name="child", nested=True) as child:
        mlflow.log_metric("auc", 0.6)

read = mlflow.get_run(run.info.run_id)
assert read.info.status == "FINISHED", read.info.status
assert read.info.run_name == "first"
assert read.data.params == {"depth": "3", "lr": "0.1", "trees": "100"}, read.data.params
assert read.data.metrics["loss"] == 0.2 and read.data.metrics["auc"] == 0.71
assert math.isnan(read.data.metrics["nan"]) and read.data.metrics["inf"] == math.inf
assert read.data.tags["stage"] == "draft" and read.data.tags["team"] == "blue"
assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id

# Batches and histories
points = [Metric("curve", math.sin(i), 1_700_000_000_000 + i, i) for i in range(1000)]
client.log_batch(run.info.run_id, metrics=points)
client.log_batch(run.info.run_id, metrics=points[:10], params=[Param("p", "1")], tags=[RunTag("t", "1")])
history = client.get_metric_history(run.info.run_id, "curve")
assert [(m.step, m.value) for m in history] == [(i, math.sin(i)) for i in range(1000)]

# Errors keep their codes
assert "Changing param values is not allowed" in refused(
    "INVALID_PARAMETER_VALUE", lambda: client.log_param(run.info.run_id, "depth", 4)
)
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("0" * 32))
refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment("client test"))
refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([run.info.experiment_id], "nope = 'x'"))

# Search
def names(filter_string, **options):
    found = client.search_runs([run.info.experiment_id], filter_string, **options)
    return [r.info.run_name for r in found]


assert names("metrics.auc > 0.7") == ["first"]
assert names("params.depth = '3' and tags.team = 'blue'") == ["first"]
assert names("attributes.run_name ILIKE 'CH%'") == ["child"]
assert names("", order_by=["metrics.auc ASC"]) == ["child", "first"]
page = client.search_runs([run.info.experiment_id], max_results=1, order_by=["metrics.auc DESC"])
assert [r.info.run_name for r in page] == ["first"] and page.token
page = client.search_runs([run.info.experiment_id], max_results=1, order_by=["metrics.auc DESC"], page_token=page.token)
assert [r.info.run_name for r in page] == ["child"] and not page.token
assert any(e.name == "client test" for e in client.search_experiments(filter_string="name LIKE 'client%'"))

# Artifacts
assert sorted(f.path for f in client.list_artifacts(run.info.run_id)) == ["config.json", "files", "notes"]
assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt") == "hello"
assert mlflow.artifacts.load_dict(read.info.artifact_uri + "/config.json") == {"a": [1, 2]}
with tempfile.TemporaryDirectory() as folder:
    local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder)
    assert (Path(local) / "files" / "big.bin").read_bytes() == content

# Datasets used
dataset = mlflow.entities.Dataset(name="flights", digest="abc", source_type="local", source="{}")
tag = mlflow.entities.InputTag("mlflow.data.context", "training")
client.log_inputs(run.info.run_id, [mlflow.entities.DatasetInput(dataset, [tag])])
assert client.get_run(run.info.run_id).inputs.dataset_inputs[0].dataset.name == "flights"

# Logged models and the registry
logged = client.create_logged_model(run.info.experiment_id, name="net", source_run_id=run.info.run_id)
client.finalize_logged_model(logged.model_id, "READY")
assert client.get_logged_model(logged.model_id).status == "READY"
client.create_registered_model("late", tags={"owner": "ops"}, description="will it be late?")
client.create_model_version("late", read.info.artifact_uri + "/files", run.info.run_id)
second = mlflow.register_model(f"models:/{logged.model_id}", "late")
assert second.version == "2" and second.status == "READY", (second.version, second.status)
client.set_registered_model_alias("late", "champion", "2")
assert client.get_model_version_by_alias("late", "champion").version == "2"
client.set_model_version_tag("late", "1", "validated", "yes")
client.update_model_version("late", "1", description="the first")
# The one that was changed last comes first, as on an MLflow server
assert [v.version for v in client.search_model_versions("name = 'late'")] == ["1", "2"]
assert client.get_registered_model("late").aliases == {"champion": "2"}
assert client.get_latest_versions("late")[0].version == "2"
assert client.search_registered_models("name LIKE 'la%'")[0].tags == {"owner": "ops"}
refused("INVALID_PARAMETER_VALUE", lambda: client.get_model_version_by_alias("late", "nope"))
client.delete_model_version("late", "1")
refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version("late", "1"))

# Deleting and restoring
client.delete_run(child.info.run_id)
assert names("") == ["first"]
refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(child.info.run_id, "auc", 1))
client.restore_run(child.info.run_id)
client.delete_experiment(run.info.experiment_id)
assert client.get_experiment(run.info.experiment_id).lifecycle_stage == "deleted"
assert len(client.search_experiments(view_type=ViewType.DELETED_ONLY)) == 1
client.restore_experiment(run.info.experiment_id)
client.set_terminated(child.info.run_id, "KILLED")
assert client.get_run(child.info.run_id).info.status == "KILLED"
print("ok")
