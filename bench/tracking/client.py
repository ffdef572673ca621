"""Times MLflow's own client against several servers in turns. Prints one JSON object: work, then server, then milliseconds."""
import json
import math
import os
import sys
import time

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"
from mlflow import MlflowClient
from mlflow.entities import Metric

rounds, seconds, page_run = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
clients = {}
for argument in sys.argv[4:]:
    name, url = argument.split("=", 1)
    clients[name] = MlflowClient(tracking_uri=url)


def log_metric(client):
    run = client.create_run("0").info.run_id
    step = iter(range(1_000_000_000))

    def work():
        at = next(step)
        client.log_metric(run, "loss", math.sin(at), timestamp=1_700_000_000_000 + at, step=at)

    return work


def log_batch(client):
    run = client.create_run("0").info.run_id
    first = iter(range(0, 1_000_000_000, 1000))

    def work():
        at = next(first)
        client.log_batch(run, metrics=[Metric(f"curve{i % 4}", math.sin(at + i), 1_700_000_000_000 + at + i, at + i) for i in range(1000)])

    return work


def search(client):
    return lambda: client.search_runs(["0"], "metrics.auc > 0.9", order_by=["metrics.auc DESC"], max_results=100)


WORK = {
    "log_metric": log_metric,
    "log_batch of 1,000 metrics": log_batch,
    "create_run": lambda client: lambda: client.create_run("0"),
    "search_runs, best 100 with a metric filter": search,
    "get_metric_history of 25,000 points": lambda client: lambda: client.get_metric_history(page_run, "curve"),
}

taken = {}
for title, prepare in WORK.items():
    works = {name: prepare(client) for name, client in clients.items()}
    taken[title] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, work in works.items():
            end = time.perf_counter() + seconds
            while True:
                start = time.perf_counter()
                work()
                taken[title][name].append((time.perf_counter() - start) * 1000)
                if time.perf_counter() > end:
                    break
print(json.dumps(taken))
