"""A day of a data scientist: tables, figures, images and texts of a run; datasets; evaluation; registration from every kind of address."""

import json
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

client = MlflowClient()
experiment = mlflow.set_experiment("everyday")
iris = load_iris(as_frame=True)

# What a run holds besides numbers
with mlflow.start_run(run_name="notes", tags={"mlflow.note.content": "# A title\n*text*"}, description=None) as run:
    mlflow.log_params({"depth": 3, "rate": 0.1, "names": ["a", "b"], "none": None, "flag": True})
    mlflow.log_metrics({"loss": 0.5, "nan": float("nan"), "inf": float("inf"), "minus": float("-inf")}, step=3)
    mlflow.log_metric("from numpy", np.float32(0.25))
    mlflow.log_text("héllo\n", "texts/a.txt")
    mlflow.log_dict({"a": [1, 2]}, "dicts/a.json")
    mlflow.log_dict({"a": [1, 2]}, "dicts/a.yaml")
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "figures/line.png")
    mlflow.log_figure(figure, "figures/line.pdf")
    mlflow.log_image(np.zeros((8, 8, 3), dtype=np.uint8), "images/black.png")
    for step in range(3):
        mlflow.log_image(np.full((8, 8), step * 80, dtype=np.uint8), key="grey", step=step)
    mlflow.log_table({"question": ["a", "b"], "answer": ["c", "d"]}, "tables/answers.json")
    mlflow.log_table(pd.DataFrame({"question": ["e"], "answer": ["f"]}), "tables/answers.json")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one.txt", "deep/er/two.txt", "ümläut & space.txt", "plus+plus.txt", "empty"):
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("" if name == "empty" else name)
        mlflow.log_artifacts(folder, "tree")
    mlflow.set_tag("after", 5)
    mlflow.delete_tag("after")
read = client.get_run(run.info.run_id)
assert read.data.params["names"] == "['a', 'b']" and read.data.params["none"] == "None", read.data.params
assert np.isnan(read.data.metrics["nan"]) and read.data.metrics["from numpy"] == 0.25
assert "after" not in read.data.tags and read.data.tags["mlflow.note.content"].startswith("# A title")
table = mlflow.load_table("tables/answers.json", run_ids=[run.info.run_id], extra_columns=["run_id"])
assert list(table["question"]) == ["a", "b", "e"] and set(table["run_id"]) == {run.info.run_id}, table
with tempfile.TemporaryDirectory() as folder:
    local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=folder)
    assert Path(local, "tree/plus+plus.txt").read_text() == "plus+plus.txt", list(Path(local).rglob("*"))
    assert Path(local, "tree/ümläut & space.txt").read_text() == "ümläut & space.txt"
    assert Path(local, "tree/empty").read_text() == ""
    assert len(list(Path(local, "images").rglob("*.png"))) == 4, list(Path(local, "images").rglob("*"))
one = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/texts/a.txt")
assert one == "héllo\n", one
assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/dicts/a.json") == {"a": [1, 2]}
assert mlflow.artifacts.load_image(f"{run.info.artifact_uri}/images/black.png").size == (8, 8)
assert [f.path for f in mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="tree/deep")] == ["tree/deep/er"]
try:
    mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="nothing/here")
    raise AssertionError("an artifact that is not there was downloaded")
except MlflowException as error:
    assert "nothing" in str(error) or "here" in str(error), error

# Datasets
frame = iris.frame.rename(columns={"target": "label"})
data = mlflow.data.from_pandas(frame, source="https://example.com/iris.csv", name="iris", targets="label")
numbers = mlflow.data.from_numpy(np.arange(12).reshape(3, 4), name="numbers")
with mlflow.start_run(run_name="data") as run:
    mlflow.log_input(data, context="training", tags={"kind": "flowers"})
    mlflow.log_input(data, context="training")
    mlflow.log_inputs([numbers], ["eval"], [None])
uses = client.get_run(run.info.run_id).inputs.dataset_inputs
assert sorted(use.dataset.name for use in uses) == ["iris", "numbers"], uses
[use] = [use for use in uses if use.dataset.name == "iris"]
assert {tag.key: tag.value for tag in use.tags}["kind"] == "flowers", use.tags
assert json.loads(use.dataset.profile)["num_rows"] == 150, use.dataset
assert mlflow.data.get_source(use).to_dict()["url"] == "https://example.com/iris.csv"
assert len(mlflow.search_runs([experiment.experiment_id], "dataset.name = 'iris' AND dataset.context = 'training'")) == 1

# Evaluation
classifier = RandomForestClassifier(n_estimators=5, random_state=0).fit(iris.data, iris.target)
with mlflow.start_run(run_name="evaluation") as run:
    info = mlflow.sklearn.log_model(
        classifier, name="forest", signature=infer_signature(iris.data, classifier.predict(iris.data)), input_example=iris.data[:2],
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )
    result = mlflow.models.evaluate(
        info.model_uri, mlflow.data.from_pandas(frame, name="iris", targets="label"), model_type="classifier", evaluators=["default"]
    )
assert result.metrics["accuracy_score"] > 0.9
assert client.get_run(run.info.run_id).data.metrics["accuracy_score"] == result.metrics["accuracy_score"]
names = {file.path for file in client.list_artifacts(run.info.run_id)}
assert "confusion_matrix.png" in names, names
model = mlflow.get_logged_model(info.model_id)
assert any(metric.key == "accuracy_score" and metric.dataset_name == "iris" for metric in model.metrics), model.metrics
found = mlflow.search_logged_models(
    experiment_ids=[experiment.experiment_id], filter_string="name = 'forest' AND metrics.accuracy_score > 0.5", output_format="list"
)
assert [one.model_id for one in found] == [info.model_id]
assert "model_id" in mlflow.search_logged_models(experiment_ids=[experiment.experiment_id]).columns
mlflow.set_logged_model_tags(info.model_id, {"owner": "ada"})
mlflow.delete_logged_model_tag(info.model_id, "owner")
baseline = mlflow.create_external_model(name="external", params={"where": "elsewhere"})
mlflow.finalize_logged_model(baseline.model_id, "READY")
with mlflow.start_run(run_name="of a model") as run:
    for step in range(3):
        mlflow.log_metric("f1", step / 10, step=step, model_id=info.model_id, dataset=data)
    mlflow.log_model_params({"late": "yes"}, model_id=info.model_id)
points = [m for m in mlflow.get_logged_model(info.model_id).metrics if m.key == "f1"]
assert sorted((point.step, point.value) for point in points) == [(0, 0.0), (1, 0.1), (2, 0.2)], points

# Registration from every kind of address
regression = LinearRegression().fit(*load_diabetes(return_X_y=True))
with mlflow.start_run(run_name="to register") as run:
    info = mlflow.sklearn.log_model(regression, name="linear", registered_model_name="everyday-model")
    mlflow.sklearn.save_model(regression, "saved")
    mlflow.log_artifacts("saved", "plain")
first = client.get_model_version("everyday-model", 1)
assert first.status == "READY" and first.source == info.model_uri, first
second = mlflow.register_model(f"runs:/{run.info.run_id}/linear", "everyday-model", tags={"way": "runs"})
third = mlflow.register_model(info.model_uri, "everyday-model")
fourth = mlflow.register_model(f"runs:/{run.info.run_id}/plain", "everyday-model")
fifth = client.create_model_version("everyday-model", f"{run.info.artifact_uri}/plain", run.info.run_id, description="by address")
client.set_registered_model_alias("everyday-model", "best", second.version)
copied = client.copy_model_version("models:/everyday-model@best", "everyday-copy")
again = client.copy_model_version("models:/everyday-copy/1", "everyday-copy")
assert (int(copied.version), int(again.version)) == (1, 2), (copied, again)
rows = np.zeros((2, 10))
for uri in [f"models:/everyday-model/{one.version}" for one in (first, second, third, fourth, fifth)] + [
    "models:/everyday-model@best",
    "models:/everyday-model/latest",
    "models:/everyday-copy/1",
    "models:/everyday-copy/2",
    info.model_uri,
    f"runs:/{run.info.run_id}/linear",
    f"runs:/{run.info.run_id}/plain",
]:
    loaded = mlflow.pyfunc.load_model(uri)
    assert np.allclose(loaded.predict(rows), regression.predict(rows)), uri
ordered = client.search_model_versions("name = 'everyday-model'", order_by=["version_number ASC"])
assert [int(one.version) for one in ordered] == [1, 2, 3, 4, 5], ordered
assert client.search_model_versions(f"run_id = '{run.info.run_id}'", max_results=2).token
client.update_model_version("everyday-model", "1", "words")
assert client.get_model_version("everyday-model", "1").description == "words"
client.delete_model_version("everyday-model", "3")
try:
    client.get_model_version("everyday-model", "3")
    raise AssertionError("a deleted version was found")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error.error_code
client.rename_registered_model("everyday-copy", "everyday-renamed")
assert client.get_model_version_by_alias("everyday-model", "best").version in (2, "2")
assert client.get_latest_versions("everyday-renamed")[0].version in (2, "2")
client.delete_registered_model("everyday-renamed")

# Batches beyond one request, nested runs, and asynchronous logging
with mlflow.start_run(run_name="batches") as run:
    mlflow.log_params({f"p{i}": i for i in range(250)})
    mlflow.log_metrics({f"m{i}": i for i in range(1500)})
    mlflow.set_tags({f"t{i}": i for i in range(250)})
    with mlflow.start_run(run_name="child", nested=True) as child:
        mlflow.log_metric("x", 1)
    mlflow.log_metric("later", 1, synchronous=False).wait()
    mlflow.log_params({"q": 1}, synchronous=False).wait()
read = client.get_run(run.info.run_id)
assert (len(read.data.params), len(read.data.metrics)) == (251, 1501), (len(read.data.params), len(read.data.metrics))
assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
assert mlflow.get_parent_run(child.info.run_id).info.run_id == run.info.run_id
client.log_batch(run.info.run_id, [Metric("h", i, 1000 + i, i) for i in range(1000)], [Param("z", "1")], [RunTag("z", "1")])
assert [point.value for point in client.get_metric_history(run.info.run_id, "h")] == list(range(1000))
assert mlflow.last_active_run().info.run_id == run.info.run_id

# A run named as the child of another one, in a process that has no run open; one whose parent is not there
with mlflow.start_run(run_name="by id", parent_run_id=run.info.run_id) as other:
    pass
assert mlflow.get_parent_run(other.info.run_id).info.run_id == run.info.run_id
try:
    mlflow.start_run(run_name="orphan", parent_run_id="0" * 32)
    raise AssertionError("a run has a parent that is not there")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error.error_code

# A whole run without waiting: many batches of its own thread, and what is refused is told when it is asked for
with mlflow.start_run(run_name="asynchronous") as run:
    mlflow.config.enable_async_logging(True)
    for step in range(300):
        mlflow.log_metric("m", step, step=step)
    for number in range(120):
        mlflow.log_param(f"p{number}", number)
    mlflow.flush_async_logging()
    mlflow.config.enable_async_logging(False)
    try:
        mlflow.log_param("p0", "another value", synchronous=False).wait()
        raise AssertionError("the value of a param was changed")
    except MlflowException as error:
        assert "Changing param values is not allowed" in str(error), error
assert [point.value for point in client.get_metric_history(run.info.run_id, "m")] == list(range(300))
assert len(client.get_run(run.info.run_id).data.params) == 120

# A model that is logged by hand keeps its params
model = mlflow.initialize_logged_model(name="by hand", params={"a": "1"}, tags={"t": "v" * 9000}, model_type="agent")
mlflow.log_model_params({"b": "2" * 7000}, model.model_id)
try:
    mlflow.log_model_params({"b": "3"}, model.model_id)
    raise AssertionError("the value of a model's param was changed")
except MlflowException as error:
    assert error.get_http_status_code() == 400, error
mlflow.finalize_logged_model(model.model_id, "FAILED")
read = mlflow.get_logged_model(model.model_id)
assert read.params == {"a": "1", "b": "2" * 7000} and read.tags["t"] == "v" * 9000 and read.status == "FAILED", read
with mlflow.start_run(run_name="measured"):
    mlflow.log_metric("acc", 0.5, model_id=model.model_id, dataset=data)
assert [m.name for m in mlflow.search_logged_models([experiment.experiment_id], "name = 'by hand' AND metrics.acc > 0.4", output_format="list")] == ["by hand"]
client.delete_logged_model(model.model_id)

# Deleting, restoring, and searching over all of it
client.delete_run(child.info.run_id)
assert len(client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)) == 1
client.restore_run(child.info.run_id)
frame = mlflow.search_runs(search_all_experiments=True, filter_string="metrics.x > 0", order_by=["metrics.x DESC"])
assert len(frame) == 1 and frame["metrics.x"][0] == 1
assert mlflow.search_experiments(filter_string="name LIKE 'every%'")[0].name == "everyday"
client.set_experiment_tag(experiment.experiment_id, "team", "blue")
assert mlflow.search_experiments(filter_string="tags.team = 'blue'")[0].tags["team"] == "blue"
client.rename_experiment(experiment.experiment_id, "everyday again")
assert mlflow.get_experiment_by_name("everyday") is None
print("ok")
