"""System metrics of the machine, sampled by a thread of the client and sent in batches."""

import time

import mlflow
from mlflow import MlflowClient

mlflow.enable_system_metrics_logging()
mlflow.set_system_metrics_sampling_interval(0.5)
mlflow.set_system_metrics_samples_before_logging(1)
mlflow.set_experiment("system metrics")
with mlflow.start_run() as run:
    time.sleep(5)
client = MlflowClient()
metrics = client.get_run(run.info.run_id).data.metrics
assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= set(metrics), metrics
history = client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
assert len(history) >= 2 and [point.step for point in history] == list(range(len(history))), history
assert mlflow.search_runs(
    experiment_names=["system metrics"], filter_string="metrics.`system/cpu_utilization_percentage` >= 0"
).shape[0] == 1
print("ok")
