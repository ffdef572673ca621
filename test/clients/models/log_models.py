"""Logs models with the MLflow client, as ONNX and as pyfunc, and registers them. Prints rows and the predictions expected for them."""

import json

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(0)
frame = pd.DataFrame({"hour": random.uniform(0, 24, 200), "distance": random.uniform(0, 1, 200)})
carrier = np.where(random.uniform(size=200) > 0.5, "AA", "UA")
late = (frame.hour + 5 * (carrier == "AA") > 16).astype(int)
model = LogisticRegression().fit(frame, late)
probabilities = model.predict_proba(frame)
signature = infer_signature(frame, probabilities)
client = mlflow.MlflowClient()


class Rule(mlflow.pyfunc.PythonModel):
    """A model that no ONNX exporter knows, that prints, and that fails where it is told to."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        print("asked for", len(model_input), "rows")
        if (model_input.hour < 0).any():
            raise ValueError("no hour before midnight")
        late = model_input.hour + model_input.carrier.map({"AA": 5.0}).fillna(0.0) - 16
        days = model_input["at"].dt.dayofyear
        return pd.DataFrame({"probability": 1 / (1 + np.exp(-late)), "day": days, "carrier_seen": model_input.carrier})


def register(name, log):
    with mlflow.start_run():
        info = log()
    version = mlflow.register_model(info.model_uri, name).version
    client.set_registered_model_alias(name, "champion", version)


def log_sklearn():
    return mlflow.sklearn.log_model(model, name="model", signature=signature, pyfunc_predict_fn="predict_proba")


matrix = frame.to_numpy().astype(np.float32)
graph = to_onnx(LogisticRegression().fit(matrix, late), matrix[:1])
register("graph", lambda: mlflow.onnx.log_model(graph, name="model", signature=signature))
register("graph", log_sklearn)
register("columns", log_sklearn)
register("labels", lambda: mlflow.sklearn.log_model(model, name="model", signature=infer_signature(frame.to_numpy(), late.to_numpy())))
times = pd.date_range("2001-01-01", periods=200, freq="h")
wide = frame.assign(carrier=carrier, at=times)
rule = Rule()
found = rule.predict(None, wide)
register(
    "rule",
    lambda: mlflow.pyfunc.log_model(name="model", python_model=rule, signature=infer_signature(wide, found)),
)
register("unsigned", lambda: mlflow.sklearn.log_model(model, name="model"))

rows = 20
print(
    json.dumps(
        {
            "frame": frame[:rows].to_numpy().tolist(),
            "carrier": carrier[:rows].tolist(),
            "at": [time.isoformat() for time in times[:rows]],
            "probabilities": probabilities[:rows].tolist(),
            "labels": model.predict(frame[:rows]).tolist(),
            "rule": found[:rows].probability.tolist(),
            "days": found[:rows].day.tolist(),
        }
    )
)
