"""MLflow's own command line: experiments, runs, artifacts, models; and `models serve` of a registered model."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

# The scoring server is started by name
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
MLFLOW = "mlflow"


def command(*words):
    done = subprocess.run([MLFLOW, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


# Experiments
assert "Created experiment" in command("experiments", "create", "--experiment-name", "from the shell")
experiment = mlflow.get_experiment_by_name("from the shell")
identifier = experiment.experiment_id
assert identifier in command("experiments", "search")
assert '"from the shell"' in command("experiments", "get", "--experiment-id", identifier, "--output", "json")
command("experiments", "rename", "--experiment-id", identifier, "--new-name", "from a shell")
command("experiments", "delete", "--experiment-id", identifier)
assert "from a shell" in command("experiments", "search", "--view", "deleted_only")
command("experiments", "restore", "--experiment-id", identifier)

# Runs
mlflow.set_experiment(experiment_id=identifier)
rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
fitted = LinearRegression().fit(rows, [1.0, 3.0, 5.0])
with mlflow.start_run(run_name="shell run") as run:
    mlflow.log_metric("rmse", 0.1)
    info = mlflow.sklearn.log_model(
        fitted,
        name="line",
        registered_model_name="line",
        signature=infer_signature(rows, fitted.predict(rows)),
        pip_requirements=["scikit-learn"],
    )
run_id = run.info.run_id
assert "shell run" in command("runs", "list", "--experiment-id", identifier)
described = json.loads(command("runs", "describe", "--run-id", run_id))
assert described["data"]["metrics"]["rmse"] == 0.1, described
command("runs", "delete", "--run-id", run_id)
assert "shell run" not in command("runs", "list", "--experiment-id", identifier)
command("runs", "restore", "--run-id", run_id)
exported = command("experiments", "csv", "--experiment-id", identifier)
assert run_id in exported and "rmse" in exported

# Artifacts
with tempfile.TemporaryDirectory() as folder:
    note = Path(folder) / "note.txt"
    note.write_text("by the command line")
    command("artifacts", "log-artifact", "--local-file", str(note), "--run-id", run_id, "--artifact-path", "notes")
    listed = json.loads(command("artifacts", "list", "--run-id", run_id, "--artifact-path", "notes"))
    assert [file["path"] for file in listed] == ["notes/note.txt"], listed
    (Path(folder) / "tree").mkdir()
    (Path(folder) / "tree" / "a.txt").write_text("a")
    command("artifacts", "log-artifacts", "--local-dir", folder + "/tree", "--run-id", run_id)
    command("artifacts", "download", "--run-id", run_id, "--dst-path", folder + "/down")
    assert (Path(folder) / "down" / "notes" / "note.txt").read_text() == "by the command line"
    assert (Path(folder) / "down" / "a.txt").read_text() == "a"

# Models: predict and serve what the registry names
MlflowClient().set_registered_model_alias("line", "live", "1")
with tempfile.TemporaryDirectory() as folder:
    given = Path(folder) / "in.json"
    given.write_text(json.dumps({"dataframe_split": {"columns": ["x"], "data": [[3.0]]}}))
    command("models", "predict", "-m", "models:/line/1", "-i", str(given), "-o", folder + "/out.json", "--env-manager", "local")
    assert abs(json.loads(Path(folder + "/out.json").read_text())["predictions"][0] - 7) < 1e-6

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = subprocess.Popen(
    [MLFLOW, "models", "serve", "-m", "models:/line@live", "--env-manager", "local", "-p", str(port), "--timeout", "30"],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    start_new_session=True,
)
try:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        data=json.dumps({"dataframe_records": [{"x": 3.0}, {"x": 4.0}]}).encode(),
        headers={"content-type": "application/json"},
    )
    deadline = time.monotonic() + 90
    while True:
        try:
            answer = json.load(urllib.request.urlopen(request, timeout=10))
            break
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read())
        except OSError:
            assert server.poll() is None, server.stderr.read()
            assert time.monotonic() < deadline, "the scoring server did not start"
            time.sleep(0.5)
    assert all(abs(a - b) < 1e-6 for a, b in zip(answer["predictions"], [7, 9])), answer
finally:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
print("ok")
