"""What is not there answers at once: no call retries for minutes, and training code goes on."""

import logging
import time

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient()
experiment = mlflow.set_experiment("refused")
SECONDS = 10


def refuses(call):
    started = time.monotonic()
    try:
        call()
    except (MlflowException, NotImplementedError) as error:
        assert time.monotonic() - started < SECONDS, f"{call} took {time.monotonic() - started:.0f} s"
        assert "not supported" in str(error) or "not implemented" in str(error).lower(), error
        return
    raise AssertionError(f"{call} was not refused")


refuses(lambda: client.search_traces(locations=[experiment.experiment_id]))
refuses(lambda: client.get_trace("tr-0123456789abcdef0123456789abcdef"))
refuses(lambda: mlflow.genai.datasets.create_dataset(name="evaluation", experiment_id=[experiment.experiment_id]))
refuses(lambda: mlflow.genai.scorers.list_scorers(experiment_id=experiment.experiment_id))

# A traced function runs and returns; its trace is dropped with a warning
logging.getLogger("mlflow").setLevel(logging.CRITICAL)


@mlflow.trace
def double(x):
    return 2 * x


started = time.monotonic()
with mlflow.start_run() as run:
    assert double(21) == 42
    mlflow.log_metric("answer", 42)
mlflow.flush_trace_async_logging(terminate=True)
assert time.monotonic() - started < 30, f"tracing held the run up for {time.monotonic() - started:.0f} s"
assert client.get_run(run.info.run_id).data.metrics == {"answer": 42}
print("ok")
