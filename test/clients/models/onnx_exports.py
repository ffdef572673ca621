"""Exports models of the usual libraries to ONNX, each with a golden batch from the library's own predictions.

Usage: onnx_exports.py FOLDER. Writes NAME.onnx and NAME.json ({inputs, outputs}), one Parquet golden batch, and PyTorch's own exports
that the package `onnx` carries, with their inputs and outputs.
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import pandas as pd
import xgboost
from onnx import numpy_helper, version_converter
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

folder = Path(sys.argv[1])
X, y = make_classification(300, 6, n_informative=4, random_state=0)
X = X.astype(np.float32)
three = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0).astype(int)
words = np.where(y == 1, "late", "on time")
rows = X[:20]


def golden(name, inputs, outputs):
    plain = {key: np.asarray(value).tolist() for key, value in outputs.items()}
    (folder / f"{name}.json").write_text(json.dumps({"inputs": inputs, "outputs": plain}))


def save(name, model, outputs, inputs=None):
    onnx.save(model, folder / f"{name}.onnx")
    golden(name, inputs or {model.graph.input[0].name: rows.tolist()}, outputs)


def classifier(name, fitted, convert, label="label", probability="probabilities"):
    save(name, convert(fitted), {label: fitted.predict(rows), probability: fitted.predict_proba(rows)})


def sklearn_classifier(name, model, target):
    classifier(name, model.fit(X, target), lambda m: to_onnx(m, X[:1]), "output_label", "output_probability")


def boosted(convert):
    return lambda fitted: convert(fitted, initial_types=[("input", FloatTensorType([None, 6]))])


sklearn_classifier("sklearn-logistic", LogisticRegression(), y)
sklearn_classifier("sklearn-words", LogisticRegression(), words)
sklearn_classifier("sklearn-forest", RandomForestClassifier(10, random_state=0), three)
sklearn_classifier("sklearn-boosting", GradientBoostingClassifier(n_estimators=10, random_state=0), y)
sklearn_classifier("sklearn-scaled", make_pipeline(StandardScaler(), LogisticRegression()), y)
plain = LogisticRegression().fit(X, y)
without = to_onnx(plain, X[:1], options={"zipmap": False})
save("sklearn-tensor", without, {"label": plain.predict(rows), "probabilities": plain.predict_proba(rows)})
for name, model in {"linear": LinearRegression(), "forest-regression": RandomForestRegressor(5, random_state=0)}.items():
    fitted = model.fit(X, y * 1.5)
    save(f"sklearn-{name}", to_onnx(fitted, X[:1]), {"variable": fitted.predict(rows)})
onnx.save(to_onnx(LinearSVC().fit(X, y), X[:1]), folder / "sklearn-svc.onnx")

frame = pd.DataFrame({"hour": X[:, 0], "distance": X[:, 1], "carrier": np.where(X[:, 2] > 0, "AA", "UA")})
columns = ColumnTransformer(
    [("scale", StandardScaler(), ["hour", "distance"]), ("one", OneHotEncoder(handle_unknown="ignore"), ["carrier"])]
)
mixed = make_pipeline(columns, LogisticRegression()).fit(frame, y)
batch = frame[:20]
save(
    "sklearn-columns",
    to_onnx(mixed, frame[:1]),
    {"output_label": mixed.predict(batch), "output_probability": mixed.predict_proba(batch)},
    {name: batch[name].tolist() for name in batch},
)
pd.DataFrame(
    {
        **{name: batch[name] for name in batch},
        "output_label": mixed.predict(batch),
        "output_probability": list(mixed.predict_proba(batch)),
    }
).to_parquet(folder / "sklearn-columns.parquet")

tree = {"n_estimators": 10, "random_state": 0}
classifier("lightgbm", lightgbm.LGBMClassifier(**tree, verbose=-1).fit(X, y), boosted(convert_lightgbm))
classifier("lightgbm-three", lightgbm.LGBMClassifier(**tree, verbose=-1).fit(X, three), boosted(convert_lightgbm))
classifier("xgboost", xgboost.XGBClassifier(**tree).fit(X, y), boosted(convert_xgboost))
classifier("xgboost-three", xgboost.XGBClassifier(**tree).fit(X, three), boosted(convert_xgboost))
for name, fitted, convert in [
    ("lightgbm-regression", lightgbm.LGBMRegressor(**tree, verbose=-1).fit(X, y), convert_lightgbm),
    ("xgboost-regression", xgboost.XGBRegressor(**tree).fit(X, y), convert_xgboost),
]:
    save(name, boosted(convert)(fitted), {"variable": fitted.predict(rows)})

# What PyTorch exported, brought to an opset that the runtime still has, with the batch size fixed as its exporter does without dynamic axes
exports = Path(onnx.__file__).parent / "backend/test/data/pytorch-converted"
for name in ["Linear", "Conv1d", "Sigmoid", "BatchNorm1d_3d_input_eval", "Embedding", "PReLU_1d", "Softmax"]:
    source = exports / f"test_{name}"
    model = version_converter.convert_version(onnx.load(source / "model.onnx"), 13)
    weights = {tensor.name for tensor in model.graph.initializer}
    fed = [value.name for value in model.graph.input if value.name not in weights]

    def read(kind, number):
        return numpy_helper.to_array(onnx.load_tensor(source / "test_data_set_0" / f"{kind}_{number}.pb")).tolist()

    save(
        f"torch-{name}",
        model,
        {value.name: read("output", i) for i, value in enumerate(model.graph.output)},
        {input_name: read("input", i) for i, input_name in enumerate(fed)},
    )
print("ok")
