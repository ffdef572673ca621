"""Autologging of scikit-learn, LightGBM and XGBoost: runs, metrics, datasets, logged models, and the models loaded again."""

import os
import time

import lightgbm
import mlflow
import numpy as np
import sklearn.metrics
import xgboost
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

client = MlflowClient()
iris = load_iris(as_frame=True)
train, test, train_labels, test_labels = train_test_split(iris.data, iris.target, random_state=0)
experiment = mlflow.set_experiment("autolog")
mlflow.autolog(log_input_examples=True)
started = time.monotonic()

# scikit-learn: params, training metrics, the dataset, the model as an output of the run
with mlflow.start_run(run_name="sklearn") as run:
    fitted = LogisticRegression(max_iter=500).fit(train, train_labels)
    sklearn.metrics.accuracy_score(test_labels, fitted.predict(test))
read = client.get_run(run.info.run_id)
assert read.data.params["max_iter"] == "500", read.data.params
assert read.data.metrics["training_accuracy_score"] > 0.9, read.data.metrics
assert any("accuracy_score" in key and "training" not in key for key in read.data.metrics), read.data.metrics
assert read.data.tags["estimator_name"] == "LogisticRegression"
uses = read.inputs.dataset_inputs
assert [tag.value for use in uses for tag in use.tags if tag.key == "mlflow.data.context"] == ["train", "eval"], uses
[output] = read.outputs.model_outputs
model = mlflow.get_logged_model(output.model_id)
assert model.status == "READY" and model.source_run_id == run.info.run_id
assert {metric.key for metric in model.metrics} >= {"training_accuracy_score"}, model.metrics
assert model.params["max_iter"] == "500"
loaded = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
assert (loaded.predict(test) == fitted.predict(test)).all()
assert loaded.metadata.signature is not None
logged = [file.path for file in client.list_artifacts(run.info.run_id)]
assert "training_confusion_matrix.png" in logged, logged

# A grid search makes one child run for each of its best candidates
with mlflow.start_run(run_name="grid") as run:
    GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2).fit(train, train_labels)
children = mlflow.search_runs(
    [experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'", output_format="list"
)
assert sorted(child.data.params["C"] for child in children) == ["0.1", "1.0"], children
assert client.get_run(run.info.run_id).data.params["best_C"] in ("0.1", "1.0")

# LightGBM: a metric for each iteration
with mlflow.start_run(run_name="lightgbm") as run:
    booster = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(train, train_labels),
        num_boost_round=12,
        valid_sets=[lightgbm.Dataset(test, test_labels)],
        valid_names=["valid"],
    )
history = client.get_metric_history(run.info.run_id, "valid-multi_logloss")
assert [point.step for point in history] == list(range(12)), history
[output] = client.get_run(run.info.run_id).outputs.model_outputs
loaded = mlflow.lightgbm.load_model(f"models:/{output.model_id}")
assert np.allclose(loaded.predict(test), booster.predict(test))
assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {
    "feature_importance_gain.json",
    "feature_importance_split.png",
}

# XGBoost, through its scikit-learn interface
with mlflow.start_run(run_name="xgboost") as run:
    classifier = xgboost.XGBClassifier(n_estimators=8, max_depth=2, n_jobs=1)
    classifier.fit(train, train_labels, eval_set=[(test, test_labels)], verbose=False)
assert len(client.get_metric_history(run.info.run_id, "validation_0-mlogloss")) == 8
[output] = client.get_run(run.info.run_id).outputs.model_outputs
loaded = mlflow.xgboost.load_model(f"models:/{output.model_id}")
assert (loaded.predict(test) == classifier.predict(test)).all()

# What the search sees of all this
frame = mlflow.search_runs(
    experiment_names=["autolog"],
    filter_string="metrics.training_accuracy_score > 0.9 AND attributes.status = 'FINISHED'",
    order_by=["metrics.training_accuracy_score DESC"],
)
assert "params.max_iter" in frame.columns and len(frame) >= 2, frame
models = mlflow.search_logged_models(
    experiment_ids=[experiment.experiment_id],
    filter_string="metrics.training_accuracy_score > 0.5",
    order_by=[{"field_name": "metrics.training_accuracy_score", "ascending": False}],
    output_format="list",
)
assert len(models) >= 1
names = {use.dataset.name for use in uses}
by_dataset = mlflow.search_logged_models(
    experiment_ids=[experiment.experiment_id],
    filter_string="metrics.training_accuracy_score > 0.5",
    datasets=[{"dataset_name": name} for name in names],
    order_by=[
        {"field_name": "metrics.training_accuracy_score", "ascending": False, "dataset_name": sorted(names)[0]}
    ],
    output_format="list",
)
assert [m.model_id for m in by_dataset] and {m.model_id for m in by_dataset} <= {m.model_id for m in models}

# Calls that the server refuses must not hold anything up
budget = float(os.environ.get("AUTOLOG_SECONDS", "240"))
assert time.monotonic() - started < budget, f"took {time.monotonic() - started:.0f} s"
print("ok")
