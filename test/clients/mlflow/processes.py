"""Eight processes that log at once: nothing that was acknowledged is missing, and none is refused."""

import multiprocessing

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

PROCESSES, RUNS, STEPS = 8, 6, 40


def work(worker):
    client = MlflowClient()
    experiment = mlflow.set_experiment("processes")
    for index in range(RUNS):
        with mlflow.start_run(run_name=f"{worker}-{index}") as run:
            mlflow.log_params({f"p{i}": worker * 100 + i for i in range(20)})
            mlflow.log_metric("single", index)
            points = [Metric("loss", 1 / (step + 1), step, step) for step in range(STEPS)]
            client.log_batch(run.info.run_id, metrics=points, params=[Param("worker", str(worker))])
            mlflow.set_tag("worker", worker)
            mlflow.log_text(f"{worker} {index}", "note.txt")
            with mlflow.start_run(nested=True, run_name=f"{worker}-{index}-child"):
                mlflow.log_metric("loss", worker)
    return experiment.experiment_id


if __name__ == "__main__":
    # A client that loses the race to create an experiment logs to Default instead (mlflow 3.17's set_experiment), so it is there before.
    mlflow.set_experiment("processes")
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        [experiment_id] = set(pool.map(work, range(PROCESSES)))
    client = MlflowClient()
    parents = client.search_runs([experiment_id], "params.worker != 'none'", max_results=1000)
    assert len(parents) == PROCESSES * RUNS, len(parents)
    for worker in range(PROCESSES):
        own = client.search_runs([experiment_id], f"tags.worker = '{worker}' AND params.p3 = '{worker * 100 + 3}'")
        assert {run.info.run_name for run in own} == {f"{worker}-{index}" for index in range(RUNS)}
        for run in own:
            assert run.info.status == "FINISHED" and run.data.metrics["loss"] == 1 / STEPS
    for run in parents[:6]:
        assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == list(range(STEPS))
        assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == run.info.run_name.replace("-", " ")
    children = client.search_runs([experiment_id], "tags.`mlflow.parentRunId` LIKE '%'", max_results=1000)
    assert len(children) == PROCESSES * RUNS
    print("ok")
